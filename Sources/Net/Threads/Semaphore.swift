// SPDX-License-Identifier: Apache-2.0
internal import CLinux

/// A counting semaphore of the kernel, for threads of ours that wait for work.
///
/// From any thread. An eventfd instead of a condition variable: a plain number that needs neither
/// memory with an address nor an unchecked promise, for a microsecond more per piece of work.
final class Semaphore: Sendable {
    private let descriptor: Int32

    init() throws(SystemError) {
        let descriptor = clinux_semaphore()
        guard descriptor >= 0 else { throw SystemError(call: "eventfd", code: -descriptor) }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    func signal(_ count: Int = 1) {
        clinux_event_add(descriptor, UInt64(count))
    }

    func wait() {
        clinux_semaphore_wait(descriptor)
    }
}

/// A few threads of ours that all run one body until it returns.
final class ThreadGroup: Sendable {
    private final class Start: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }

        fileprivate static func run(
            _ context: UnsafeMutableRawPointer?
        ) -> UnsafeMutableRawPointer? {
            guard let context else { return nil }
            // SAFETY: retained once for each thread that was started, and passed to it alone.
            Unmanaged<Start>.fromOpaque(context).takeRetainedValue().body()
            return nil
        }
    }

    private let threads: [pthread_t]

    /// Starts `count` threads.
    ///
    /// - Throws: when not even one could be started; fewer than asked for are taken as they are.
    init(
        count: Int, name: String, body: @escaping @Sendable () -> Void
    ) throws(SystemError) {
        let start = Start(body)
        var threads: [pthread_t] = []
        for _ in 0..<count {
            var thread = pthread_t()
            let context = Unmanaged.passRetained(start)
            let code = clinux_thread_start(&thread, name, runThread, context.toOpaque())
            guard code == 0 else {
                context.release()
                guard !threads.isEmpty else {
                    throw SystemError(call: "pthread_create", code: code)
                }
                break
            }
            threads.append(thread)
        }
        self.threads = threads
    }

    var count: Int { threads.count }

    func join() {
        for thread in threads { pthread_join(thread, nil) }
    }

    func detach() {
        for thread in threads { pthread_detach(thread) }
    }

    fileprivate static func run(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        Start.run(context)
    }
}

private func runThread(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    ThreadGroup.run(context)
}
