// SPDX-License-Identifier: Apache-2.0
internal import Synchronization

/// The sound of one utterance as it is made: a sequence that holds its producer back.
///
/// One reader. The producer works while less than ``highWater`` milliseconds wait and goes on when
/// they fall below ``lowWater``, so a slow reader costs no memory. It ends with nil after the last
/// chunk, or with a ``VoiceError`` after the chunks that came before it. When the reader calls
/// ``cancel()``, is cancelled itself, or lets the stream go, the producer is told at once, and
/// whoever waits gets nil.
public final class VoiceStream: AsyncSequence, Sendable {
    /// A stretch of the utterance.
    public typealias Element = VoiceChunk
    /// Why there is no more.
    public typealias Failure = VoiceError

    /// Milliseconds of sound that may wait for the reader before the producer pauses.
    public static let highWater = 3_000.0
    /// Milliseconds of waiting sound below which the producer is asked for more.
    public static let lowWater = 2_000.0

    let source: Source

    /// Makes a stream and hands its producing end to `body`.
    public init(_ body: (Source) -> Void) {
        source = Source()
        body(source)
    }

    /// A stream that has only an error.
    public convenience init(failing error: VoiceError) {
        self.init { $0.finish(throwing: error) }
    }

    deinit {
        source.cancel()
    }

    /// Ends the utterance for the reader and for the producer. From any thread; later calls do
    /// nothing.
    public func cancel() {
        source.cancel()
    }

    /// The next chunk; nil at the end.
    public func next() async throws(VoiceError) -> VoiceChunk? {
        try await source.next().get()
    }

    /// The reader.
    public func makeAsyncIterator() -> Iterator {
        Iterator(stream: self)
    }

    /// Reads chunk after chunk.
    public struct Iterator: AsyncIteratorProtocol {
        let stream: VoiceStream

        /// The next chunk; nil at the end.
        public mutating func next(
            isolation actor: isolated (any Actor)? = #isolation
        ) async throws(VoiceError) -> VoiceChunk? {
            try await stream.next()
        }

        /// The next chunk; nil at the end.
        public mutating func next() async throws(VoiceError) -> VoiceChunk? {
            try await stream.next()
        }
    }

    /// The end at which a provider works. From any thread.
    public final class Source: Sendable {
        private typealias Outcome = Result<VoiceChunk?, VoiceError>

        private struct State {
            var chunks: [VoiceChunk] = []
            var head = 0
            /// Milliseconds of sound in `chunks`.
            var waiting = 0.0
            var reader: CheckedContinuation<Outcome, Never>?
            var end: Outcome?
            var isCancelled = false
            var isPaused = false
            var onDemand: (@Sendable () -> Void)?
            var onCancel: (@Sendable () -> Void)?
        }

        private let state = Mutex(State())

        /// Sets who is told that the reader wants more after ``wantsMore`` was false, and that it
        /// wants nothing any more; at once if that is so already. Both are called outside of any
        /// lock, on the reader's thread, `onCancel` at most once.
        public func setHandlers(
            onDemand: @escaping @Sendable () -> Void, onCancel: @escaping @Sendable () -> Void
        ) {
            let isLate = state.withLock { state in
                guard !state.isCancelled else { return true }
                state.onDemand = onDemand
                state.onCancel = onCancel
                return false
            }
            if isLate { onCancel() }
        }

        /// Whether the reader is gone: whatever is produced now is for nobody.
        public var isCancelled: Bool { state.withLock { $0.isCancelled } }

        /// Whether anybody will read what is produced now: neither cancelled nor finished.
        public var isOpen: Bool { state.withLock { !$0.isCancelled && $0.end == nil } }

        /// Whether there is room for more sound. Once it was false, `onDemand` tells when it is
        /// true again.
        public var wantsMore: Bool {
            state.withLock { state in
                guard !state.isCancelled, state.end == nil else { return false }
                state.isPaused = state.waiting >= VoiceStream.highWater
                return !state.isPaused
            }
        }

        /// Adds a chunk; false when nobody will read it.
        @discardableResult
        public func yield(_ chunk: VoiceChunk) -> Bool {
            let (isTaken, reader) = state.withLock {
                state -> (Bool, CheckedContinuation<Outcome, Never>?) in
                guard !state.isCancelled, state.end == nil else { return (false, nil) }
                if let reader = state.reader {
                    state.reader = nil
                    return (true, reader)
                }
                state.chunks.append(chunk)
                state.waiting += chunk.duration
                return (true, nil)
            }
            reader?.resume(returning: .success(chunk))
            return isTaken
        }

        /// Ends the stream after the chunks that are in it; only the first call counts.
        public func finish(throwing error: VoiceError? = nil) {
            let end: Outcome = error.map { .failure($0) } ?? .success(nil)
            let reader = state.withLock { state -> CheckedContinuation<Outcome, Never>? in
                guard state.end == nil else { return nil }
                state.end = end
                (state.onDemand, state.onCancel) = (nil, nil)
                defer { state.reader = nil }
                return state.reader
            }
            reader?.resume(returning: end)
        }

        fileprivate func cancel() {
            let (reader, told) = state.withLock {
                state -> (CheckedContinuation<Outcome, Never>?, (@Sendable () -> Void)?) in
                guard !state.isCancelled else { return (nil, nil) }
                state.isCancelled = true
                state.chunks = []
                state.head = 0
                state.waiting = 0
                state.end = .success(nil)
                defer { (state.reader, state.onDemand, state.onCancel) = (nil, nil, nil) }
                return (state.reader, state.onCancel)
            }
            reader?.resume(returning: .success(nil))
            told?()
        }

        fileprivate func next() async -> Result<VoiceChunk?, VoiceError> {
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let (outcome, demand) = state.withLock { take(&$0, continuation) }
                    if let outcome { continuation.resume(returning: outcome) }
                    demand?()
                }
            } onCancel: {
                cancel()
            }
        }

        private func take(
            _ state: inout State, _ continuation: CheckedContinuation<Outcome, Never>
        ) -> (Outcome?, (@Sendable () -> Void)?) {
            guard state.head < state.chunks.count else {
                if let end = state.end {
                    // An error is told once; after it, as after the end, there is nothing.
                    state.end = .success(nil)
                    return (end, nil)
                }
                precondition(state.reader == nil, "a voice stream has one reader")
                state.reader = continuation
                return (nil, demand(&state))
            }
            let chunk = state.chunks[state.head]
            state.head += 1
            state.waiting = Swift.max(0, state.waiting - chunk.duration)
            if state.head == state.chunks.count {
                state.chunks.removeAll(keepingCapacity: true)
                state.head = 0
                state.waiting = 0
            }
            return (.success(chunk), demand(&state))
        }

        private func demand(_ state: inout State) -> (@Sendable () -> Void)? {
            guard state.isPaused, state.waiting < VoiceStream.lowWater else { return nil }
            state.isPaused = false
            return state.onDemand
        }
    }
}
