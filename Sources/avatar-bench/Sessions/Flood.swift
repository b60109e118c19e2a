// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Net

/// Requests as fast as they are answered, on connections that stay open.
final class Flood: Sendable {
    private let loop: Loop
    private let state: OnWeb

    /// The web loop's own.
    // SAFETY: read and written on the loop's thread alone.
    private final class OnWeb: @unchecked Sendable {
        var connections: [TCPConnection] = []
        var answers = 0
    }

    private static let requests = [
        "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        "POST /session-live/none/speak HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 13\r\n\r\n"
            + "{\"text\":\"no\"}",
        "GET /voices HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    ].map { Array($0.utf8) }

    init(_ count: Int, at address: SocketAddress, on loop: Loop) {
        self.loop = loop
        let state = OnWeb()
        self.state = state
        loop.post {
            for index in 0..<count {
                var turn = index
                weak var own: TCPConnection?
                func next() {
                    own?.send(Self.requests[turn % Self.requests.count])
                    turn += 1
                }
                let connection = try? TCPConnection(on: loop, to: address, limit: .seconds(5)) {
                    switch $0 {
                    case .opened: next()
                    case .received:
                        // Each answer is far smaller than a segment of loopback.
                        state.answers += 1
                        next()
                    default: break
                    }
                }
                own = connection
                if let connection { state.connections.append(connection) }
            }
        }
    }

    /// Ends all connections; how many answers came.
    func end() async -> Int {
        let state = state
        return await withCheckedContinuation { continuation in
            loop.post {
                for connection in state.connections { connection.close() }
                state.connections = []
                continuation.resume(returning: state.answers)
            }
        }
    }
}
