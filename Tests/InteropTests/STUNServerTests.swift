// SPDX-License-Identifier: Apache-2.0
import Base
import TestSupport
import Testing

/// The program behind an address translator, with a room server that names STUN servers.
@Suite(.serialized, .timeLimit(.minutes(2))) struct STUNServerTests {
    @Test func bothConnectionsTrickleWhatASTUNServerSeesOfThem() async throws {
        let result = try await ListeningTests.run(
            .object([]), client: "stun_client.py", options: ["stun"])
        let ports = Set((result["ports"]?.array ?? []).compactMap(\.int))
        #expect(ports.count >= 2)
        for target in ["PUBLISHER", "SUBSCRIBER"] {
            let lines = (result["candidates"]?[target]?.array ?? []).compactMap(\.string)
            #expect(!lines.isEmpty, "\(target)")
            for line in lines {
                // candidate:<foundation> 1 udp <priority> <address> <port> typ srflx raddr …
                let fields = line.split(separator: " ")
                #expect(fields.count >= 10 && fields[1] == "1" && fields[2].lowercased() == "udp")
                #expect(ports.contains(Int64(fields[5]) ?? 0), "\(line)")
                #expect(line.contains(" raddr ") && line.contains(" rport "), "\(line)")
            }
        }
        #expect(result["agent_exit"]?.int == 0)
    }
}
