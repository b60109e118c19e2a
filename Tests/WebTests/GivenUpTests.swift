// SPDX-License-Identifier: Apache-2.0
import Base
import Net
import Testing
import Web

/// A websocket that is closed while it opens.
@Suite(.timeLimit(.minutes(5))) struct GivenUpTests {
    @Test func itEndsForTheServerTooWhereverTheAnswerIs() async throws {
        let (opened, open) = AsyncStream.makeStream(of: Void.self)
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        let server = try await TestServer { routes in
            routes.onWebSocket("/given-up") { _ in
                .accept(
                    WebSocketAcceptance { _ in
                        { event in
                            switch event {
                            case .opened: open.yield()
                            case .closed, .failed: end.yield()
                            case .frame: break
                            }
                        }
                    })
            }
        }
        var (openings, endings) = (opened.makeAsyncIterator(), ends.makeAsyncIterator())
        for number in 0..<600 {
            let socket = try await Socket("/given-up", at: "ws") {
                $0.port = server.address.port
            }
            await openings.next()
            // The answer is on its way, or just being read: every moment of that.
            let moment = ContinuousClock.now + .microseconds(number % 300)
            while ContinuousClock.now < moment {}
            socket.connection.close()
            try #require(await endings.next() != nil, "connection \(number) lives on")
        }
        await server.stop()
    }
}
