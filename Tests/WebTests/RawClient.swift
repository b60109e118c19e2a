// SPDX-License-Identifier: Apache-2.0
import Base
import Foundation
import Glibc
import Synchronization
import TestSupport

/// A TCP connection that sends exactly what a test says. It waits on other threads than the few
/// that carry the tests, and 5 s at most.
final class RawClient: Sendable {
    struct Failure: Error {}

    private let descriptor: Int32
    private let unread = Mutex<[UInt8]>([])

    init(to address: SocketAddress) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = address.port.bigEndian
        target.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let code = withUnsafePointer(to: &target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw Failure() }
    }

    deinit { close(descriptor) }

    /// Sends all of it; false when the other side has closed.
    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Whether something, or the end, comes within so many milliseconds.
    func isReadable(within milliseconds: Int32) async -> Bool {
        await waiting { [descriptor] in
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            return poll(&entry, 1, milliseconds) > 0
        }
    }

    /// Ends our direction only.
    func finish() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Ends with a reset.
    func reset() {
        var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
        setsockopt(
            descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    /// Everything up to the end of the connection; nil when it does not end within the limit.
    func readToEnd() async -> String? {
        while true {
            switch await readMore() {
            case .more: continue
            case .end: return String(decoding: takeAll(), as: UTF8.self)
            case .late: return nil
            }
        }
    }

    /// One answer with Content-Length: head and body; nil at the end or after the limit.
    func readAnswer(hasBody: Bool = true) async -> (head: String, body: String)? {
        while true {
            if let answer = takeAnswer(hasBody: hasBody) { return answer }
            guard case .more = await readMore() else { return nil }
        }
    }

    /// At least one byte, as they come; empty at the end.
    func readSome() async -> [UInt8] {
        if unread.withLock({ $0.isEmpty }) { _ = await readMore() }
        return takeAll()
    }

    private func takeAll() -> [UInt8] {
        unread.withLock { unread in
            defer { unread = [] }
            return unread
        }
    }

    private func takeAnswer(hasBody: Bool) -> (head: String, body: String)? {
        unread.withLock { unread in
            let text = String(decoding: unread, as: UTF8.self)
            guard let end = text.firstRange(of: "\r\n\r\n") else { return nil }
            let head = String(text[..<end.lowerBound])
            let field = head.lowercased().split(separator: "\r\n").first {
                $0.hasPrefix("content-length:")
            }
            let length = hasBody ? field.flatMap { Int($0.split(separator: " ")[1]) } ?? 0 : 0
            let begin = head.utf8.count + 4
            guard unread.count >= begin + length else { return nil }
            let body = String(decoding: unread[begin..<begin + length], as: UTF8.self)
            unread.removeFirst(begin + length)
            return (head, body)
        }
    }

    private enum Progress { case more, end, late }

    private func readMore() async -> Progress {
        let (bytes, code) = await waiting { [descriptor] in
            var buffer = [UInt8](repeating: 0, count: 65536)
            let count = recv(descriptor, &buffer, buffer.count, 0)
            return (Array(buffer.prefix(max(0, count))), count < 0 ? errno : 0)
        }
        unread.withLock { $0 += bytes }
        return bytes.isEmpty ? (code == EAGAIN ? .late : .end) : .more
    }
}

extension String {
    /// The status of an answer's head; 0 without one.
    var status: Int { Int(split(separator: " ").dropFirst().first ?? "") ?? 0 }
}
