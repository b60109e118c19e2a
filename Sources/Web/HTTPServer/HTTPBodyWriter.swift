// SPDX-License-Identifier: Apache-2.0
internal import Net

/// Takes a streamed body, piece by piece, at the client's pace.
public actor HTTPBodyWriter {
    /// The client is gone, or the server stops.
    public struct Gone: Error {}

    /// A writer waits above this.
    private static let bytesMax = 1 << 16

    enum Next: Sendable {
        case bytes(ArraySlice<UInt8>)
        case later
        case end
        case failure
    }

    private enum State {
        case open, whole, broken, gone
    }

    private nonisolated let loop: Loop
    /// Called when bytes or the end come while the library waits for them.
    private let onReadable: @Sendable () -> Void
    private var buffer: [UInt8] = []
    private var start = 0
    private var state = State.open
    private var isReaderWaiting = false
    private var waiters: [CheckedContinuation<Void, Never>] = []

    /// The web loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        loop.asUnownedSerialExecutor()
    }

    init(loop: Loop, onReadable: @escaping @Sendable () -> Void) {
        self.loop = loop
        self.onReadable = onReadable
    }

    /// Sends a piece; returns when there is room for the next.
    ///
    /// - Throws: `Gone` when nobody reads any more.
    public func write(_ bytes: [UInt8]) async throws {
        guard state == .open else { throw Gone() }
        guard !bytes.isEmpty else { return }
        buffer += bytes
        readable()
        guard isFull else { return }
        await withCheckedContinuation { waiters.append($0) }
        if state == .gone { throw Gone() }
    }

    /// Sends text in UTF-8; see `write(_:)`.
    public func write(_ text: String) async throws {
        try await write(Array(text.utf8))
    }

    // MARK: for the server

    func finish(isWhole: Bool) {
        guard state == .open else { return }
        state = isWhole ? .whole : .broken
        readable()
    }

    /// Nobody will read any more.
    func leave() {
        state = .gone
        buffer = []
        start = 0
        isReaderWaiting = false
        wake()
    }

    /// Takes what is there, at most `count` bytes; `later` means that `onReadable` will be called.
    func take(_ count: Int) -> Next {
        let taken = buffer[start..<min(buffer.count, start + count)]
        if taken.isEmpty {
            switch state {
            case .open:
                isReaderWaiting = true
                return .later
            case .whole: return .end
            case .broken, .gone: return .failure
            }
        }
        start += taken.count
        if start == buffer.count {
            buffer = []
            start = 0
        }
        if !isFull { wake() }
        return .bytes(taken)
    }

    private var isFull: Bool { buffer.count - start > Self.bytesMax }

    private func readable() {
        guard isReaderWaiting else { return }
        isReaderWaiting = false
        onReadable()
    }

    private func wake() {
        let woken = waiters
        waiters = []
        for waiter in woken { waiter.resume() }
    }
}
