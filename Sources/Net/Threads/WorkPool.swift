// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Synchronization

/// Threads of ours for work that takes the processor: synthesis, encoding, planning of lips.
///
/// From any thread. Never the cooperative pool, which on small machines is two threads wide and
/// carries everything else. Work comes in pieces of a few milliseconds, each under its session's
/// key: the sessions take turns, piece by piece, and the pieces of one session run one at a time in
/// the order they came, so that an encoder's state needs no lock.
public final class WorkPool: Sendable {
    /// Whose turn it is: a session, or whatever else shares the threads fairly.
    public struct Key: Hashable, Sendable {
        fileprivate let id: UInt64
        private static let last = Atomic<UInt64>(0)

        /// Makes a key that no one else has.
        public init() {
            id = Self.last.wrappingAdd(1, ordering: .relaxed).newValue
        }
    }

    /// Why a piece of work was not run.
    public enum Refusal: Error, Hashable, Sendable {
        /// Too many pieces wait, of this key or of all.
        case full
        /// Taken back by `cancelAll` or the task's end, before it began.
        case cancelled
        /// The pool has been stopped.
        case stopped
    }

    /// Pieces of one key that may wait: ten seconds of speech, an utterance prepared ahead.
    public static let maxPiecesPerKey = 512
    /// Pieces of all keys that may wait: beyond it the machine is overloaded, whoever asks.
    public static let maxPieces = 8192

    private struct Piece {
        let id: UInt64
        /// Runs the work, or tells that it will not be run.
        let body: @Sendable (Refusal?) -> Void
    }

    private struct Line {
        var pieces = FIFO<Piece>()
        var isRunning = false
    }

    private struct State {
        var lines: [Key: Line] = [:]
        /// Keys that have a piece and none running, longest waiting first.
        var turns = FIFO<Key>()
        var waiting = 0
        var lastID: UInt64 = 0
        var isStopped = false
    }

    private let shared: Shared
    private let threads: ThreadGroup

    /// Starts the threads.
    ///
    /// - Parameters:
    ///   - threads: nil for one less than the processors we may use, at least one: the media
    ///     loop's is left free.
    ///   - name: of the threads.
    /// - Throws: when no thread or no descriptor is to be had.
    public init(threads: Int? = nil, name: String = "work") throws(SystemError) {
        let shared = Shared(semaphore: try Semaphore())
        self.shared = shared
        self.threads = try ThreadGroup(
            count: max(1, threads ?? Int(clinux_processors()) - 1), name: name
        ) { shared.work() }
    }

    /// Number of threads.
    public var width: Int { threads.count }

    /// Pieces that wait for a thread.
    public var waiting: Int { shared.state.withLock { $0.waiting } }

    /// Runs a piece of work and returns what it returns, on the caller's actor.
    ///
    /// Ended early by the task's cancellation while the piece waits; one that runs is awaited.
    ///
    /// - Parameters:
    ///   - key: whose turn it takes.
    ///   - body: the work; a few milliseconds, better less. It must not block.
    /// - Returns: what the body returned.
    /// - Throws: `Refusal` when it was not run, else what the body threw.
    public func run<Value: Sendable>(
        key: Key, _ body: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        let id = Mutex<UInt64?>(nil)
        let wasCancelled = Atomic<Bool>(false)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                do throws(Refusal) {
                    let piece = try submit(key: key) { refusal in
                        continuation.resume(
                            with: refusal.map { .failure($0) } ?? Result { try body() })
                    }
                    id.withLock { $0 = piece }
                    if wasCancelled.load(ordering: .sequentiallyConsistent) {
                        cancel(piece, key: key)
                    }
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        } onCancel: {
            wasCancelled.store(true, ordering: .sequentiallyConsistent)
            if let piece = id.withLock({ $0 }) { cancel(piece, key: key) }
        }
    }

    /// Runs a piece of work and hands what it returns to `completion` on a loop.
    ///
    /// - Parameters:
    ///   - key: whose turn it takes.
    ///   - loop: where the completion runs.
    ///   - body: the work.
    ///   - completion: told the result, or why there is none; exactly once unless this throws.
    /// - Throws: `full` or `stopped`; then nothing was queued.
    public func submit<Value: Sendable>(
        key: Key, then loop: Loop, _ body: @escaping @Sendable () -> Value,
        completion: @escaping @Sendable (Result<Value, Refusal>) -> Void
    ) throws(Refusal) {
        _ = try submit(key: key) { refusal in
            let result: Result<Value, Refusal> = refusal.map { .failure($0) } ?? .success(body())
            loop.post { completion(result) }
        }
    }

    /// Runs a piece of work that hands its result on by itself; nobody is woken at its end.
    ///
    /// One that is taken back or stopped before it began is not run.
    ///
    /// - Throws: `full` or `stopped`; then nothing was queued.
    public func post(key: Key, _ body: @escaping @Sendable () -> Void) throws(Refusal) {
        _ = try submit(key: key) { refusal in
            if refusal == nil { body() }
        }
    }

    /// Takes back all pieces of a key that have not begun.
    public func cancelAll(key: Key) {
        let dropped = shared.state.withLock { state -> [Piece] in
            guard let line = state.lines[key] else { return [] }
            state.waiting -= line.pieces.count
            if line.isRunning {
                state.lines[key]?.pieces = FIFO()
            } else {
                state.lines[key] = nil
                _ = state.turns.remove { $0 == key }
            }
            return line.pieces.elements
        }
        for piece in dropped { piece.body(.cancelled) }
    }

    /// Refuses what waits, and waits for what runs.
    ///
    /// Not from a thread of the pool.
    public func stop() {
        if halt() { threads.join() }
    }

    deinit {
        // Perhaps by the last piece on a thread of ours: nobody can be waited for.
        if halt() { threads.detach() }
    }

    /// Whether this call is the one that stopped it.
    private func halt() -> Bool {
        let dropped = shared.state.withLock { state -> [Piece]? in
            if state.isStopped { return nil }
            state.isStopped = true
            let lines = state.lines
            (state.lines, state.turns, state.waiting) = ([:], FIFO(), 0)
            return lines.values.flatMap(\.pieces.elements)
        }
        guard let dropped else { return false }
        shared.semaphore.signal(threads.count)
        // In the order they came, whatever their line.
        for piece in dropped.sorted(by: { $0.id < $1.id }) { piece.body(.stopped) }
        return true
    }

    private func submit(
        key: Key, _ body: @escaping @Sendable (Refusal?) -> Void
    ) throws(Refusal) -> UInt64 {
        let result = shared.state.withLock { state -> Result<UInt64, Refusal> in
            if state.isStopped { return .failure(.stopped) }
            let line = state.lines[key]
            guard state.waiting < Self.maxPieces,
                (line?.pieces.count ?? 0) < Self.maxPiecesPerKey
            else { return .failure(.full) }
            state.lastID += 1
            state.waiting += 1
            state.lines[key, default: Line()].pieces.append(Piece(id: state.lastID, body: body))
            if line == nil { state.turns.append(key) }
            return .success(state.lastID)
        }
        let id = try result.get()
        shared.semaphore.signal()
        return id
    }

    private func cancel(_ id: UInt64, key: Key) {
        let dropped = shared.state.withLock { state -> Piece? in
            guard let piece = state.lines[key]?.pieces.remove(where: { $0.id == id }) else {
                return nil
            }
            state.waiting -= 1
            if let line = state.lines[key], line.pieces.isEmpty, !line.isRunning {
                state.lines[key] = nil
                _ = state.turns.remove { $0 == key }
            }
            return piece
        }
        dropped?.body(.cancelled)
    }

    /// What the threads hold: not the pool, so that they do not keep it.
    private final class Shared: Sendable {
        let state = Mutex(State())
        let semaphore: Semaphore

        init(semaphore: Semaphore) { self.semaphore = semaphore }

        func work() {
            while true {
                semaphore.wait()
                while let (key, piece) = state.withLock({ take(&$0) }) {
                    piece.body(nil)
                    state.withLock { release(key, &$0) }
                }
                if state.withLock({ $0.isStopped }) { return }
            }
        }

        /// The next piece of the key whose turn it is.
        ///
        /// Its key waits until the piece is done.
        private func take(_ state: inout State) -> (Key, Piece)? {
            guard let key = state.turns.popFirst(),
                let piece = state.lines[key]?.pieces.popFirst()
            else { return nil }
            state.lines[key]?.isRunning = true
            state.waiting -= 1
            return (key, piece)
        }

        /// Puts a key that has more to do behind all others.
        private func release(_ key: Key, _ state: inout State) {
            guard let line = state.lines[key] else { return }
            if line.pieces.isEmpty {
                state.lines[key] = nil
            } else {
                state.lines[key]?.isRunning = false
                state.turns.append(key)
            }
        }
    }
}
