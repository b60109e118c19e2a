// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import CLinux

/// One non-blocking descriptor as a stream of frames in and bytes out: a TCP socket or a pipe's end.
///
/// Loop's thread only. Writes go to the kernel at once; what it does not take waits in a bounded
/// buffer, and EPOLLOUT is asked for only while that is not empty. The loop holds it until `close`.
final class ByteStream {
    enum Event {
        case received([UInt8])
        /// The peer sends no more; after all it has sent.
        case ended
        /// All that was waiting has gone to the kernel.
        case drained
        /// It is over, and closed; nil if both sides ended in order.
        case failed(SystemError?)
    }

    struct Directions: OptionSet {
        let rawValue: UInt8
        static let read = Directions(rawValue: 1)
        static let write = Directions(rawValue: 2)
    }

    /// Reads in a round: with `chunk`, 64 KiB, what a pipe holds.
    ///
    /// The rest comes in the next round.
    static let maxReads = 4
    static let chunk = Loop.scratchSize

    private let loop: Loop
    private let isSocket: Bool
    private let isReader: Bool
    private(set) var descriptor: Int32
    private var registration: Registration?
    private var interest: Interest = []
    private var input: FrameBuffer
    private var output: OutBuffer
    private var onEvent: ((Event) -> Void)?

    private(set) var isPaused = false
    private var hasEnded = false
    private var isFinishing = false
    private var hasFinished = false
    private var isResumeScheduled = false
    /// Whoever is to live as long as the loop watches the descriptor.
    private weak var owner: AnyObject?
    /// The owner while the loop does not watch, because reading is paused at the stream's end.
    private var heldOwner: AnyObject?

    /// Takes a non-blocking descriptor over.
    ///
    /// The loop holds us and the owner; `onEvent` should hold the owner weakly, so that both go
    /// when the loop lets go of its callbacks.
    init(
        on loop: Loop, adopting descriptor: Int32, isSocket: Bool, directions: Directions,
        framing: Framing, outputCapacity: Int, owner: AnyObject?,
        onEvent: @escaping (Event) -> Void
    ) throws(SystemError) {
        self.loop = loop
        self.owner = owner
        self.descriptor = descriptor
        self.isSocket = isSocket
        isReader = directions.contains(.read)
        hasEnded = !isReader
        hasFinished = !directions.contains(.write)
        input = FrameBuffer(framing: framing)
        output = OutBuffer(capacity: outputCapacity)
        self.onEvent = onEvent
        do throws(SystemError) {
            interest = isReader ? .read : []
            try watch()
        } catch {
            close()
            throw error
        }
    }

    deinit {
        if descriptor >= 0 { CLinux.close(descriptor) }
    }

    var isClosed: Bool { descriptor < 0 }
    var pendingBytes: Int { output.count }

    /// Whether all bytes were taken, now or into the buffer; none were if not.
    func send(_ bytes: [UInt8]) -> Bool {
        guard descriptor >= 0, !isFinishing, !hasFinished else { return false }
        guard output.isEmpty else { return output.append(bytes[...]) }
        // Judged before any byte leaves: all or none.
        guard bytes.count <= output.capacity else { return false }
        let written = write(bytes[...])
        if written < 0, written != -Int(EAGAIN), written != -Int(EINTR) {
            // Told later: the caller is in the middle of something.
            failSoon(SystemError(call: "write", code: Int32(-written)))
            return false
        }
        let rest = bytes[max(0, written)...]
        if !rest.isEmpty {
            _ = output.append(rest)
            updateInterest()
        }
        return true
    }

    /// Ends our direction, after what is waiting.
    func finish() {
        guard descriptor >= 0, !isFinishing, !hasFinished else { return }
        isFinishing = true
        if output.isEmpty { shutDown() }
    }

    func pause() {
        isPaused = true
        updateInterest()
    }

    func resume() {
        guard isPaused else { return }
        isPaused = false
        updateInterest()
        attach()
        // Frames cut off by the pause may wait in our own buffer, where epoll does not see them.
        guard input.waiting > 0, !isResumeScheduled else { return }
        isResumeScheduled = true
        loop.schedule(at: .zero) {
            self.isResumeScheduled = false
            _ = self.deliver()
        }
    }

    /// Reads what is there now, bounded: for a process that has just ended.
    func drainInput() {
        guard descriptor >= 0, !isPaused, !hasEnded else { return }
        read()
    }

    func close() {
        onEvent = nil
        heldOwner = nil
        output.removeAll()
        guard descriptor >= 0 else { return }
        detach()
        CLinux.close(descriptor)
        descriptor = -1
    }

    private func handle(_ readiness: Readiness) {
        if readiness.contains(.failed), isSocket {
            let code = clinux_get_option(descriptor, SOL_SOCKET, SO_ERROR)
            if code > 0 { return fail(SystemError(call: "socket", code: code)) }
        }
        if !isReader, readiness.contains(.failed) || readiness.contains(.hungUp) {
            // A pipe without a reader.
            return fail(SystemError(call: "write", code: EPIPE))
        }
        if readiness.contains(.writable) { flush() }
        guard descriptor >= 0, readiness != .writable else { return }
        if isReader, !isPaused, !hasEnded {
            read()
        } else if hasEnded {
            fail(nil)
        } else {
            // A hang-up is told whatever we ask for, and what was sent before it is still to be
            // read: without a registration it can wait.
            heldOwner = owner
            detach()
        }
    }

    private func detach() {
        if let registration { loop.deregister(registration) }
        registration = nil
    }

    private func attach() {
        guard registration == nil, descriptor >= 0 else { return }
        do throws(SystemError) {
            try watch()
        } catch {
            failSoon(error)
        }
    }

    private func watch() throws(SystemError) {
        registration = try loop.register(descriptor, for: interest) { [owner] readiness in
            withExtendedLifetime(owner) { self.handle(readiness) }
        }
        heldOwner = nil
    }

    private func read() {
        for _ in 0..<Self.maxReads {
            let count = clinux_read(descriptor, &loop.scratch, Self.chunk)
            switch count {
            case -Int(EAGAIN): return
            case -Int(EINTR): continue
            case ..<0: return fail(SystemError(call: "read", code: Int32(-count)))
            case 0: return end()
            default:
                input.append(loop.scratch[..<count])
                guard deliver(), count == Self.chunk else { return }
            }
        }
    }

    /// Hands whole frames on; false when reading must not go on now.
    private func deliver() -> Bool {
        while descriptor >= 0, !isPaused {
            switch input.next() {
            case .incomplete: return true
            case .invalid:
                fail(SystemError(call: "frame", code: EBADMSG))
                return false
            case .frame(let frame): onEvent?(.received(frame))
            }
        }
        return false
    }

    private func end() {
        hasEnded = true
        updateInterest()
        onEvent?(.ended)
        closeIfOver()
    }

    private func flush() {
        while !output.isEmpty {
            let written = write(output.pending)
            if written == -Int(EINTR) { continue }
            if written == -Int(EAGAIN) { return }
            if written < 0 { return fail(SystemError(call: "write", code: Int32(-written))) }
            output.removeFirst(written)
        }
        updateInterest()
        if isFinishing { shutDown() }
        onEvent?(.drained)
    }

    private func write(_ bytes: ArraySlice<UInt8>) -> Int {
        bytes.withUnsafeBytes { buffer in
            // SAFETY: the buffer is lent for the call and its size is told.
            isSocket
                ? clinux_send(descriptor, buffer.baseAddress, buffer.count, nil)
                : clinux_write(descriptor, buffer.baseAddress, buffer.count)
        }
    }

    private func shutDown() {
        guard !hasFinished else { return }
        hasFinished = true
        if isSocket { _ = CLinux.shutdown(descriptor, Int32(SHUT_WR)) }
        closeIfOver()
    }

    private func closeIfOver() {
        guard descriptor >= 0, hasEnded, hasFinished else { return }
        failSoon(nil)
    }

    private func failSoon(_ error: SystemError?) {
        loop.schedule(at: .zero) { if self.descriptor >= 0 { self.fail(error) } }
    }

    private func fail(_ error: SystemError?) {
        let tell = onEvent
        close()
        tell?(.failed(error))
    }

    private func updateInterest() {
        guard descriptor >= 0 else { return }
        var wanted: Interest = []
        if isReader, !isPaused, !hasEnded { wanted.insert(.read) }
        if !output.isEmpty { wanted.insert(.write) }
        guard wanted != interest else { return }
        interest = wanted
        if let registration { try? loop.modify(registration, for: wanted) }
    }
}
