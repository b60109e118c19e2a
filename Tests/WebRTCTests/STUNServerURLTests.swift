// SPDX-License-Identifier: Apache-2.0
import Testing
import WebRTC

@Suite struct STUNServerURLTests {
    @Test(arguments: [
        ("stun:stun.l.google.com:19302", "stun.l.google.com", 19302),
        ("stun:example.org", "example.org", 3478), ("STUN:10.0.0.1:1", "10.0.0.1", 1),
        ("stun:[2001:db8::1]:3479", "2001:db8::1", 3479), ("stun:[::1]", "::1", 3478),
        ("stun:example.org?transport=udp", "example.org", 3478),
    ])
    func serversAreRead(text: String, host: String, port: Int) {
        let url = STUNServerURL(text)
        #expect(url?.host == host && url.map { Int($0.port) } == port)
    }

    @Test(arguments: [
        "", "stun", "stun:", "stun::3478", "stun:host:", "stun:host:0", "stun:host:65536",
        "stun:host:port", "stuns:host:443", "turn:host:3478", "stun:[::1", "stun:[::1]x",
        "stun://host", "stun:a b", "stun:user@host", "stun:h\u{0}st", "http://host",
    ])
    func whatIsNoneIsPassedOver(text: String) {
        #expect(STUNServerURL(text) == nil)
    }
}
