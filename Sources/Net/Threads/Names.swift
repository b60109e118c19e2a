// SPDX-License-Identifier: Apache-2.0
public import Base
internal import CLinux
internal import Synchronization

/// Turns host names into addresses on a few threads, within a time limit.
///
/// From any thread. The system's resolver blocks and cannot be cancelled: it runs on threads of
/// its own, answers that come after the limit are ignored, and several dead servers together do
/// not stall the others for longer than the limit.
public final class Names: Sendable {
    /// Why there are no addresses.
    public enum Failure: Error, Hashable, Sendable {
        /// The name does not exist or has no address.
        case notFound
        /// The servers do not answer (yet).
        case unavailable
        /// Nothing came within the limit.
        case timedOut
        /// Too many questions are open.
        case overloaded
        /// Longer than a name can be, empty, or with a NUL.
        case invalidName
        /// Taken back by the task's end.
        case cancelled
        /// Another code of getaddrinfo.
        case failed(code: Int32)

        /// Whether the same question may be answered later.
        public var isRetryable: Bool {
            switch self {
            case .unavailable, .timedOut, .overloaded: true
            case .notFound, .invalidName, .cancelled, .failed: false
            }
        }
    }

    /// Dead servers that may be waited for at once before others have to wait too.
    static let threadCount = 4
    /// The system's own limit is 10 s a server and more: too long for a caller at the phone.
    public static let limit = Duration.seconds(5)
    /// Questions that may wait: with all threads stuck they are refused within the limit anyway.
    static let maxQuestions = 128
    /// Addresses taken of one name; dialling tries them within seconds.
    static let maxAddresses = 16
    /// RFC 1035 section 2.3.4, as text with the last dot.
    static let maxNameLength = 254

    typealias Resolver = @Sendable (String) -> Result<[IPAddress], Failure>

    private struct Question {
        let name: String
        let answer: Answer
    }

    /// One answer, whoever gives it first.
    private final class Answer: Sendable {
        private let continuation: Mutex<CheckedContinuation<Result<[IPAddress], Failure>, Never>?>

        init(_ continuation: CheckedContinuation<Result<[IPAddress], Failure>, Never>) {
            self.continuation = Mutex(continuation)
        }

        var isOpen: Bool { continuation.withLock { $0 != nil } }

        func give(_ result: Result<[IPAddress], Failure>) {
            let waiter = continuation.withLock { waiter in
                defer { waiter = nil }
                return waiter
            }
            waiter?.resume(returning: result)
        }
    }

    private final class Shared: Sendable {
        let questions = Mutex((waiting: FIFO<Question>(), isStopped: false))
        let semaphore: Semaphore

        init(semaphore: Semaphore) { self.semaphore = semaphore }

        func work(_ resolver: Resolver) {
            while true {
                semaphore.wait()
                let (question, isStopped) = questions.withLock {
                    ($0.waiting.popFirst(), $0.isStopped)
                }
                if let question {
                    // Nobody waits for it any more: the thread is spared for the living.
                    guard question.answer.isOpen else { continue }
                    question.answer.give(resolver(question.name))
                } else if isStopped {
                    return
                }
            }
        }
    }

    private let loop: Loop
    private let limit: Duration
    private let shared: Shared
    private let threads: ThreadGroup

    /// Starts the threads.
    ///
    /// - Parameter loop: whose deadlines keep the limit.
    /// - Throws: when no thread or no descriptor is to be had.
    public convenience init(on loop: Loop) throws(SystemError) {
        try self.init(on: loop, limit: Self.limit, resolver: resolve)
    }

    init(on loop: Loop, limit: Duration, resolver: @escaping Resolver) throws(SystemError) {
        self.loop = loop
        self.limit = limit
        let shared = Shared(semaphore: try Semaphore())
        self.shared = shared
        threads = try ThreadGroup(count: Self.threadCount, name: "names") { shared.work(resolver) }
        // They may be stuck in the resolver when we go: nobody waits for them.
        threads.detach()
    }

    deinit { stop() }

    /// Lets the threads end; open questions are still answered or time out.
    public func stop() {
        shared.questions.withLock { $0.isStopped = true }
        shared.semaphore.signal(threads.count)
    }

    /// The addresses of a host, in the system's order of preference (RFC 6724).
    ///
    /// An address as text, with or without brackets, is answered at once.
    ///
    /// - Parameter host: the name.
    /// - Returns: at least one address, without repetitions.
    /// - Throws: why there is none.
    public func addresses(of host: String) async throws(Failure) -> [IPAddress] {
        var text = host[...]
        if text.first == "[", text.last == "]" { text = text.dropFirst().dropLast() }
        if let address = IPAddress(String(text)) { return [address] }
        guard !text.isEmpty, text.utf8.count <= Self.maxNameLength, !text.utf8.contains(0) else {
            throw .invalidName
        }
        let name = String(text)
        let open = Mutex<Answer?>(nil)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer = Answer(continuation)
                open.withLock { $0 = answer }
                ask(name, answer)
                // Cancelled before the answer stood there for the handler to find.
                if Task.isCancelled { answer.give(.failure(.cancelled)) }
            }
        } onCancel: {
            open.withLock { $0 }?.give(.failure(.cancelled))
        }
        var seen: Set<IPAddress> = []
        let addresses = try result.get().filter { seen.insert($0).inserted }
        guard !addresses.isEmpty else { throw .notFound }
        return addresses
    }

    private func ask(_ name: String, _ answer: Answer) {
        let isTaken = shared.questions.withLock { questions in
            guard !questions.isStopped, questions.waiting.count < Self.maxQuestions else {
                return false
            }
            questions.waiting.append(Question(name: name, answer: answer))
            return true
        }
        guard isTaken else { return answer.give(.failure(.overloaded)) }
        shared.semaphore.signal()
        let end = Loop.now + limit
        loop.post { [loop] in
            loop.schedule(at: end) { answer.give(.failure(.timedOut)) }
        }
    }
}

/// The system's resolver: blocks.
@Sendable private func resolve(_ name: String) -> Result<[IPAddress], Names.Failure> {
    var list = [clinux_address](repeating: clinux_address(), count: Names.maxAddresses)
    let count = clinux_resolve(name, &list, Int32(list.count))
    switch count {
    case 0...: return .success(list[..<Int(count)].map { SocketAddress($0).ip })
    case EAI_NONAME, clinux_eai_nodata(): return .failure(.notFound)
    case EAI_AGAIN: return .failure(.unavailable)
    default: return .failure(.failed(code: count))
    }
}
