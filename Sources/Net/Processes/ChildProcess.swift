// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import CLinux

/// A program of its own behind pipes: bytes or lines in and out, and word of its end.
///
/// Loop's thread only. The loop holds it until its end. The program is expected to end when its
/// standard input does, which also happens when we die, however that comes about. Every child tells
/// exactly one `exited`, as its last event.
public final class ChildProcess {
    /// What to run.
    public struct Command: Hashable, Sendable {
        /// The program's path; PATH is not searched.
        public var path: String
        /// Its arguments, without its name.
        public var arguments: [String]
        /// `NAME=value`; nil for our own environment.
        public var environment: [String]?
        /// Whether its standard error comes as events; else it goes where ours goes.
        public var isErrorCaptured: Bool

        /// Names a program and its arguments.
        public init(
            path: String, arguments: [String] = [], environment: [String]? = nil,
            isErrorCaptured: Bool = false
        ) {
            self.path = path
            self.arguments = arguments
            self.environment = environment
            self.isErrorCaptured = isErrorCaptured
        }
    }

    /// How a program ended.
    public enum Exit: Hashable, Sendable {
        /// By itself, with this code.
        case code(Int32)
        /// By this signal.
        case signal(Int32)
    }

    /// What a child tells its owner.
    public enum Event: Hashable, Sendable {
        /// A frame of its standard output.
        case output([UInt8])
        /// A line of its standard error, without the line feed.
        case errorOutput([UInt8])
        /// Its standard output ended, or broke the framing.
        case outputEnded(SystemError?)
        /// All that was written to it went out: there is room again.
        case inputDrained
        /// It is over, after what its pipes still held.
        case exited(Exit)
    }

    /// Bytes that may wait for the program to read: some utterances of text.
    public static let defaultInputCapacity = 1 << 20
    /// A line of standard error beyond it ends our reading of it: a program that is out of its mind.
    static let maxErrorLine = 16384

    /// The process's number.
    public private(set) var pid: Int32 = 0

    private let loop: Loop
    private var onEvent: ((Event) -> Void)?
    private var handle: Int32 = -1
    private var registration: Registration?
    private var deadline: DeadlineToken?
    private var exit: Exit?
    private var concluding: ChildProcess?
    private var input: ByteStream?
    private var output: ByteStream?
    private var errors: ByteStream?

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - loop: whose thread calls this.
    ///   - command: what to run.
    ///   - framing: how its output is cut.
    ///   - inputCapacity: bytes that may wait for it to read.
    ///   - onEvent: called on the loop, never from within this initialiser.
    /// - Throws: ENOENT and EACCES for the program, EMFILE, EAGAIN.
    public init(
        on loop: Loop, _ command: Command, framing: Framing,
        inputCapacity: Int = defaultInputCapacity, onEvent: @escaping (Event) -> Void
    ) throws(SystemError) {
        loop.assertOnLoop()
        self.loop = loop
        self.onEvent = onEvent
        do throws(SystemError) {
            let theirs = try openPipes(framing, inputCapacity, command.isErrorCaptured)
            defer { for end in theirs { CLinux.close(end) } }
            try spawn(command, theirs)
            handle = clinux_pidfd_open(pid)
            guard handle >= 0 else { throw SystemError(call: "pidfd_open", code: -handle) }
            registration = try loop.register(handle, for: .read) { _ in self.reap() }
        } catch {
            abandon()
            throw error
        }
    }

    deinit {
        // The loop has let go of us, or never had us: it need not be told, and may be over.
        release()
    }

    /// Writes to its standard input; false if it does not fit, or the input has ended.
    @discardableResult
    public func send(_ bytes: [UInt8]) -> Bool {
        input?.send(bytes) ?? false
    }

    /// Bytes that wait for the program to read.
    public var pendingBytes: Int { input?.pendingBytes ?? 0 }

    /// Ends its standard input, after what was sent: the order to finish.
    public func finish() {
        input?.finish()
    }

    /// Leaves its output in the pipe, so that it has to wait.
    public func pauseReading() {
        output?.pause()
    }

    /// Reads on.
    public func resumeReading() {
        output?.resume()
        guard exit != nil else { return }
        loop.schedule(at: .zero) { self.conclude() }
    }

    /// Ends it: its input at once, itself by SIGKILL if it still runs after `grace`.
    public func stop(grace: Duration) {
        input?.close()
        input = nil
        guard pid > 0, deadline == nil else { return }
        deadline = loop.schedule(at: loop.now + grace) {
            self.deadline = nil
            self.kill()
        }
    }

    /// Ends it by SIGKILL; `exited` comes soon.
    public func kill() {
        // Not reaped yet, so the number is still its own.
        if pid > 0 { _ = CLinux.kill(pid, SIGKILL) }
    }

    /// Our ends become streams; the child's three are returned, -1 for what it shares with us.
    private func openPipes(
        _ framing: Framing, _ inputCapacity: Int, _ isErrorCaptured: Bool
    ) throws(SystemError) -> [Int32] {
        var theirs: [Int32] = []
        do throws(SystemError) {
            let (stdin, write) = try Self.pipe()
            theirs.append(stdin)
            input = try stream(write, .write, .none, inputCapacity) {
                [weak self] in self?.inputTold($0)
            }
            let (read, stdout) = try Self.pipe()
            theirs.append(stdout)
            output = try stream(read, .read, framing, 0) {
                [weak self] in self?.outputTold($0)
            }
            if isErrorCaptured {
                let (read, stderr) = try Self.pipe()
                theirs.append(stderr)
                let lines = Framing.lines(maxLength: Self.maxErrorLine)
                errors = try stream(read, .read, lines, 0) {
                    [weak self] in self?.errorsTold($0)
                }
            }
            return theirs
        } catch {
            for end in theirs { CLinux.close(end) }
            throw error
        }
    }

    private static func pipe() throws(SystemError) -> (reader: Int32, writer: Int32) {
        var (reader, writer): (Int32, Int32) = (-1, -1)
        let code = clinux_pipe(&reader, &writer)
        guard code == 0 else { throw SystemError(call: "pipe2", code: -code) }
        return (reader, writer)
    }

    private func stream(
        _ descriptor: Int32, _ direction: ByteStream.Directions, _ framing: Framing,
        _ capacity: Int, onEvent: @escaping (ByteStream.Event) -> Void
    ) throws(SystemError) -> ByteStream {
        // Ours alone: the child's end stays blocking, as programs expect it.
        _ = clinux_set_nonblocking(descriptor)
        return try ByteStream(
            on: loop, adopting: descriptor, isSocket: false, directions: direction,
            framing: framing, outputCapacity: capacity, owner: nil, onEvent: onEvent)
    }

    private func spawn(_ command: Command, _ theirs: [Int32]) throws(SystemError) {
        let arguments = [command.path] + command.arguments
        guard !(arguments + (command.environment ?? [])).contains(where: { $0.utf8.contains(0) })
        else { throw SystemError(call: "posix_spawn", code: EINVAL) }
        var pid: Int32 = 0
        let code = withCStrings(arguments) { argv in
            withCStrings(command.environment ?? []) { envp in
                clinux_spawn(
                    &pid, command.path, argv, command.environment == nil ? nil : envp,
                    theirs[0], theirs[1], theirs.count > 2 ? theirs[2] : 2)
            }
        }
        guard code == 0 else { throw SystemError(call: "posix_spawn", code: code) }
        self.pid = pid
    }

    private func inputTold(_ event: ByteStream.Event) {
        switch event {
        case .drained: onEvent?(.inputDrained)
        // The program does not read any more: its end will tell.
        case .failed: input = nil
        case .received, .ended: break
        }
    }

    private func outputTold(_ event: ByteStream.Event) {
        switch event {
        case .received(let frame): onEvent?(.output(frame))
        case .failed(let error):
            output = nil
            onEvent?(.outputEnded(error))
        case .ended, .drained: break
        }
    }

    private func errorsTold(_ event: ByteStream.Event) {
        switch event {
        case .received(let line): onEvent?(.errorOutput(line))
        case .failed: errors = nil
        case .ended, .drained: break
        }
    }

    private func reap() {
        var (code, isSignalled): (Int32, Int32) = (0, 0)
        guard pid > 0, clinux_reap(pid, 0, &code, &isSignalled) != 0 else { return }
        pid = 0
        exit = isSignalled != 0 ? .signal(code) : .code(code)
        if let registration { loop.deregister(registration) }
        // Held by this instead, until its end is told.
        registration = nil
        concluding = self
        conclude()
    }

    /// Tells the end, after what the pipes still hold, unless the owner does not want to read now.
    private func conclude() {
        guard let exit else { return }
        // One round takes as much as a pipe holds. Its end may never come: the program's own
        // children may have it too.
        output?.drainInput()
        errors?.drainInput()
        guard onEvent != nil, output?.isPaused != true else { return }
        let tell = onEvent
        abandon()
        tell?(.exited(exit))
    }

    /// Lets go of everything; a process that still runs is killed and waited for.
    private func abandon() {
        for stream in [input, output, errors] { stream?.close() }
        if let deadline { loop.cancel(deadline) }
        deadline = nil
        if let registration { loop.deregister(registration) }
        registration = nil
        release()
    }

    private func release() {
        (onEvent, concluding) = (nil, nil)
        (input, output, errors) = (nil, nil, nil)
        if handle >= 0 { CLinux.close(handle) }
        handle = -1
        guard pid > 0 else { return }
        var (code, isSignalled): (Int32, Int32) = (0, 0)
        _ = CLinux.kill(pid, SIGKILL)
        _ = clinux_reap(pid, 1, &code, &isSignalled)
        pid = 0
    }
}

/// Lends strings as a NULL-terminated array of C strings.
private func withCStrings<Value>(
    _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Value
) -> Value {
    var pointers = strings.map { strdup($0) }
    defer { for pointer in pointers { free(pointer) } }
    // SAFETY: the copies live until the call has returned; nobody keeps or changes them.
    pointers.append(nil)
    defer { pointers.removeLast() }
    return body(pointers)
}
