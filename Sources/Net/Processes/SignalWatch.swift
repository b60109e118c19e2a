// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import CLinux

/// A signal of the operator's.
public enum Signal: Int32, CaseIterable, Hashable, Sendable {
    /// SIGHUP: the terminal went, or "read your configuration again".
    case hangUp = 1
    /// SIGINT: the key Control-C.
    case interrupt = 2
    /// SIGUSR1.
    case user1 = 10
    /// SIGUSR2.
    case user2 = 12
    /// SIGTERM: please end.
    case terminate = 15
}

/// Signals as events of a loop.
///
/// Loop's thread only, but for `prepare`. The loop holds it until `close`.
public final class SignalWatch {
    private let loop: Loop
    private var descriptor: Int32
    private var registration: Registration?

    /// Blocks signals for this thread and all it will start, and ignores SIGPIPE.
    ///
    /// The first call of a program's `main`, before any other thread: a signal that one thread does
    /// not block ends the process.
    public static func prepare(_ signals: Set<Signal>) {
        for signal in Signal.allCases where signals.contains(signal) {
            clinux_signal_block(signal.rawValue)
        }
        clinux_signal_ignore(SIGPIPE)
    }

    /// Starts to watch.
    ///
    /// - Parameters:
    ///   - loop: whose thread calls this.
    ///   - signals: blocked by `prepare`.
    ///   - body: called on the loop for each signal.
    /// - Throws: when no descriptor is to be had.
    public init(
        on loop: Loop, _ signals: Set<Signal>, body: @escaping (Signal) -> Void
    ) throws(SystemError) {
        loop.assertOnLoop()
        self.loop = loop
        let mask = signals.reduce(into: 0 as UInt64) { $0 |= 1 << UInt64($1.rawValue - 1) }
        let descriptor = clinux_signalfd(mask)
        guard descriptor >= 0 else { throw SystemError(call: "signalfd", code: -descriptor) }
        self.descriptor = descriptor
        do throws(SystemError) {
            registration = try loop.register(descriptor, for: .read) { _ in self.read(body) }
        } catch {
            close()
            throw error
        }
    }

    deinit {
        if descriptor >= 0 { CLinux.close(descriptor) }
    }

    private func read(_ body: (Signal) -> Void) {
        // Each kind is pending once at most: the kernel's queue is the bound.
        while descriptor >= 0, let signal = Signal(rawValue: clinux_signalfd_next(descriptor)) {
            body(signal)
        }
    }

    /// Stops to watch; the signals stay blocked.
    public func close() {
        guard descriptor >= 0 else { return }
        if let registration { loop.deregister(registration) }
        registration = nil
        CLinux.close(descriptor)
        descriptor = -1
    }
}
