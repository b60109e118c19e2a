// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import CCurl
public import Net

/// An HTTP client on a loop (libcurl's multi interface): HTTP/1.1, and HTTP/2 over TLS.
///
/// Connections are kept and shared. An actor on the loop; call it from anywhere. Call `stop`,
/// or drop it, before the loop's own.
public actor HTTPClient {
    /// Requests at a time; more are `unavailable`.
    public static let transfersMax = 512

    /// The loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        loop.asUnownedSerialExecutor()
    }

    private nonisolated let loop: Loop
    private var multi: CurlMulti?
    private var transfers: [UInt: HTTPTransfer] = [:]
    private var nextID: UInt = 1
    private var isStopped = false

    /// Creates a client.
    public init(on loop: Loop) {
        self.loop = loop
    }

    isolated deinit {
        multi?.close()
    }

    /// Sends a request and waits for the answer's headers.
    ///
    /// - Throws: `HTTPClientError`; `cancelled` at once when the task is, and then the server sees
    ///   the connection or the stream end.
    public func send(_ request: HTTPClientRequest) async throws -> HTTPClientResponse {
        guard !Task.isCancelled else { throw HTTPClientError.cancelled }
        guard request.isWellFormed else { throw HTTPClientError.invalidRequest }
        guard !isStopped, transfers.count < Self.transfersMax, let multi = try? makeMulti() else {
            throw HTTPClientError.unavailable
        }
        let id = nextID
        nextID += 1
        guard let transfer = HTTPTransfer(request) else { throw HTTPClientError.unavailable }
        transfers[id] = transfer
        guard multi.add(transfer, id: id) else {
            transfers[id] = nil
            throw HTTPClientError.invalidRequest
        }
        watchSilence(id, of: transfer)
        do {
            let (status, headers) = try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { awaitHead(id, $0) }
            } onCancel: {
                giveUp(id)
            }
            return HTTPClientResponse(
                status: status, headers: headers, body: HTTPClientBody(id: id, client: self))
        } catch {
            end(id)
            throw error
        }
    }

    /// Ends all requests and connections; later requests are `unavailable`.
    public func stop() {
        isStopped = true
        for transfer in transfers.values { transfer.ended(.unavailable) }
        for id in Array(transfers.keys) { end(id) }
        multi?.close()
        multi = nil
    }

    // MARK: for the body

    /// A body that ended whole says so as long as it is held; one that is not known any more was
    /// cut, and must not look whole.
    func next(_ id: UInt) async throws -> [UInt8]? {
        do {
            return try await withTaskCancellationHandler {
                if Task.isCancelled { throw HTTPClientError.cancelled }
                return try await withCheckedThrowingContinuation { awaitBytes(id, $0) }
            } onCancel: {
                giveUp(id)
            }
        } catch {
            end(id)
            throw error
        }
    }

    // Methods, so that the closures around the continuations hold the actor and run on it.

    private func awaitHead(
        _ id: UInt, _ continuation: CheckedContinuation<HTTPTransfer.Head, any Error>
    ) {
        guard let transfer = transfers[id] else {
            return continuation.resume(throwing: errorOfNone)
        }
        transfer.awaitHead(continuation)
    }

    private func awaitBytes(
        _ id: UInt, _ continuation: CheckedContinuation<[UInt8]?, any Error>
    ) {
        guard let transfer = transfers[id] else {
            return continuation.resume(throwing: errorOfNone)
        }
        transfer.awaitBytes(continuation)
    }

    private var errorOfNone: HTTPClientError { isStopped ? .unavailable : .cancelled }

    /// Gives a transfer up, from anywhere.
    nonisolated func giveUp(_ id: UInt) {
        loop.post { self.assumeIsolated { $0.cancel(id) } }
    }

    /// The library measures speed over five seconds, too slow for a stream that is listened to: once
    /// an answer has begun, its silence is measured here.
    private func watchSilence(_ id: UInt, of transfer: HTTPTransfer) {
        transfer.watch = loop.schedule(at: transfer.silenceEnd(at: loop.now)) { [weak self] in
            self?.assumeIsolated { $0.silenceEnded(id) }
        }
    }

    private func silenceEnded(_ id: UInt) {
        guard let transfer = transfers[id], !transfer.isOver else { return }
        if transfer.silenceEnd(at: loop.now) <= loop.now {
            transfer.ended(.timedOut)
            multi?.remove(transfer)
        } else {
            watchSilence(id, of: transfer)
        }
    }

    private func cancel(_ id: UInt) {
        transfers[id]?.ended(.cancelled)
        end(id)
    }

    private func end(_ id: UInt) {
        guard let transfer = transfers.removeValue(forKey: id) else { return }
        if let watch = transfer.watch { loop.cancel(watch) }
        multi?.remove(transfer)
    }

    private func makeMulti() throws -> CurlMulti {
        if let multi { return multi }
        let made = try CurlMulti(loop: loop) { [unowned self] id, error in
            assumeIsolated { $0.transfers[id]?.ended(error) }
        }
        multi = made
        return made
    }
}
