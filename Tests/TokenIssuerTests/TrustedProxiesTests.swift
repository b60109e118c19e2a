// SPDX-License-Identifier: Apache-2.0
import Base
import Testing
import TokenIssuer

@Suite struct TrustedProxiesTests {
    private func client(
        _ peer: String, _ forwarded: [String], trusting networks: [String]
    ) throws -> String {
        var proxies = TrustedProxies()
        for network in networks {
            let isTaken = proxies.add(network)
            #expect(isTaken, "\(network)")
        }
        let address = try #require(IPAddress(peer))
        return proxies.client(of: address, forwardedFor: forwarded).description
    }

    @Test func onlyATrustedProxysWordCounts() throws {
        let lie = ["203.0.113.9"]
        #expect(try client("198.51.100.7", lie, trusting: []) == "198.51.100.7")
        #expect(try client("198.51.100.7", lie, trusting: ["10.0.0.0/8"]) == "198.51.100.7")
        #expect(try client("10.1.2.3", lie, trusting: ["10.0.0.0/8"]) == "203.0.113.9")
        #expect(try client("11.1.2.3", lie, trusting: ["10.0.0.0/8"]) == "11.1.2.3")
        #expect(try client("10.1.2.3", [], trusting: ["10.1.2.3"]) == "10.1.2.3")
    }

    @Test func theListIsReadFromItsEndPastTrustedProxiesAlone() throws {
        // The first entry is the caller's own invention.
        let chain = ["1.1.1.1, 203.0.113.9", "10.0.0.5"]
        #expect(try client("10.0.0.4", chain, trusting: ["10.0.0.0/24"]) == "203.0.113.9")
        #expect(try client("10.0.0.4", chain, trusting: ["10.0.0.4"]) == "10.0.0.5")
        let inside = ["10.0.0.7, 10.0.0.5"]
        #expect(try client("10.0.0.4", inside, trusting: ["10.0.0.0/24"]) == "10.0.0.7")
        let long = [String](repeating: "10.0.0.1", count: 10_000) + ["10.0.0.2"]
        #expect(try client("10.0.0.4", long, trusting: ["10.0.0.0/24"]) == "10.0.0.1")
    }

    @Test func whatIsNoAddressEndsTheChain() throws {
        for text in ["unknown", "", "203.0.113.9 evil", "_hidden", "1.2.3.4.5"] {
            #expect(try client("10.0.0.4", [text], trusting: ["10.0.0.4"]) == "10.0.0.4", "\(text)")
        }
        #expect(
            try client("10.0.0.4", ["203.0.113.9:4711"], trusting: ["10.0.0.4"]) == "203.0.113.9")
        #expect(try client("::1", ["[2001:db8::1]:80"], trusting: ["::1"]) == "2001:db8::1")
        #expect(try client("::1", ["2001:db8::1"], trusting: ["::/0"]) == "2001:db8::1")
        #expect(
            try client("::ffff:10.0.0.4", ["203.0.113.9"], trusting: ["10.0.0.0/8"])
                == "203.0.113.9")
    }

    @Test(arguments: ["10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9", "0.0.0.0/0", "10.129.5.0/31"])
    func networksEndAtAnyBit(network: String) throws {
        let isIn = !["10.0.0.0/9"].contains(network)
        let seen = try client("10.129.5.1", ["203.0.113.9"], trusting: [network])
        #expect(seen == (isIn ? "203.0.113.9" : "10.129.5.1"))
    }

    @Test(arguments: [
        "", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10/8", "::1/129", "host", "a/b/c",
    ])
    func whatIsNoNetworkIsRefused(text: String) {
        var proxies = TrustedProxies()
        let isTaken = proxies.add(text)
        #expect(!isTaken)
    }
}
