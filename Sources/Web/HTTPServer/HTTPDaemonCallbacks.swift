// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import CLinux
internal import CMicroHTTPD
internal import Glibc
internal import Net

// What crosses between Swift and the library: its structures, and the functions that it calls.
extension HTTPDaemon {
    static func callbacks(owner: UnsafeMutableRawPointer) -> cmicrohttpd_callbacks {
        cmicrohttpd_callbacks(
            owner: owner, access: accessCallback, target: targetCallback,
            completed: completedCallback, connection: connectionCallback, message: messageCallback)
    }

    /// An answer whose body is memory of ours.
    func fixedResponse(of shared: HTTPFixedBody) -> OpaquePointer? {
        // SAFETY: retained for the answer, released by its free callback; never written to.
        let held = Unmanaged.passRetained(shared)
        let made = MHD_create_response_from_buffer_with_free_callback_cls(
            shared.bytes.count, UnsafeMutableRawPointer(mutating: shared.bytes.baseAddress),
            fixedBodyFreed, held.toOpaque())
        if made == nil { held.release() }
        return made
    }

    /// An answer whose body is asked for piece by piece, by `read`.
    func streamedResponse(of id: UInt, block: Int) -> OpaquePointer? {
        // SAFETY: released by the free callback.
        let reader = Unmanaged.passRetained(HTTPStreamReader(daemon: self, id: id))
        let made = MHD_create_response_from_callback(
            cmicrohttpd_size_unknown(), block, streamCallback, reader.toOpaque(), streamFreed)
        if made == nil { reader.release() }
        return made
    }

    /// An answer behind which the socket is ours.
    func upgradeResponse() -> OpaquePointer? {
        MHD_create_response_for_upgrade(upgradeCallback, callbacks.pointee.owner)
    }

    static func text(_ text: UnsafePointer<CChar>?) -> String {
        text.map { String(cString: $0) } ?? ""
    }

    static func headers(of connection: OpaquePointer) -> HTTPHeaders {
        var headers = HTTPHeaders()
        withUnsafeMutablePointer(to: &headers) { pointer in
            // SAFETY: the callback uses the pointer during this call only.
            _ = MHD_get_connection_values_n(
                connection, .HEADER_KIND, headerCallback, UnsafeMutableRawPointer(pointer))
        }
        return headers
    }

    static func address(_ raw: UnsafePointer<sockaddr>?) -> SocketAddress {
        var address = clinux_address()
        guard clinux_address_get(raw, &address) != 0 else {
            return SocketAddress(.v4(0), port: 0)
        }
        if address.is_v6 != 0 {
            let ip = IPAddress.v6(high: address.high, low: address.low, scope: address.scope)
            return SocketAddress(ip, port: address.port)
        }
        return SocketAddress(.v4(UInt32(truncatingIfNeeded: address.low)), port: address.port)
    }
}

// SAFETY, for all callbacks below: the owner is the daemon's object, which holds itself until the
// library has ended; they run inside MHD_run or MHD_stop_daemon, on the loop. What comes as a
// context is a number, looked up in the object's tables.

private func daemon(_ owner: UnsafeMutableRawPointer?) -> HTTPDaemon? {
    owner.map { Unmanaged<HTTPDaemon>.fromOpaque($0).takeUnretainedValue() }
}

private func accessCallback(
    _ owner: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _ url: UnsafePointer<CChar>?,
    _ method: UnsafePointer<CChar>?, _ version: UnsafePointer<CChar>?,
    _ piece: UnsafePointer<CChar>?, _ size: UnsafeMutablePointer<Int>?,
    _ context: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
    guard let daemon = daemon(owner), let connection, let size, let context else { return .NO }
    let bytes = UnsafeRawBufferPointer(start: piece, count: piece == nil ? 0 : size.pointee)
    size.pointee = 0
    return daemon.accessed(
        connection, UInt(bitPattern: context.pointee), method: method, version: version, bytes)
}

private func targetCallback(
    _ owner: UnsafeMutableRawPointer?, _ target: UnsafePointer<CChar>?, _ connection: OpaquePointer?
) -> UnsafeMutableRawPointer? {
    guard let daemon = daemon(owner), let target, let connection else { return nil }
    let linkID = UInt(bitPattern: cmicrohttpd_socket_context(connection))
    return UnsafeMutableRawPointer(
        bitPattern: daemon.began(String(cString: target), linkID: linkID))
}

private func completedCallback(
    _ owner: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
    _ context: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
    _ reason: MHD_RequestTerminationCode
) {
    guard let context else { return }
    daemon(owner)?.completed(
        UInt(bitPattern: context.pointee), isWhole: reason == .REQUEST_TERMINATED_COMPLETED_OK)
    context.pointee = nil
}

private func connectionCallback(
    _ owner: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
    _ context: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
    _ kind: MHD_ConnectionNotificationCode
) {
    guard let daemon = daemon(owner), let connection, let context else { return }
    if kind == .CONNECTION_NOTIFY_STARTED {
        context.pointee = UnsafeMutableRawPointer(bitPattern: daemon.connected(connection))
    } else {
        daemon.disconnected(UInt(bitPattern: context.pointee))
    }
}

private func messageCallback(_ owner: UnsafeMutableRawPointer?, _ text: UnsafePointer<CChar>?) {
    guard let text else { return }
    daemon(owner)?.complained(String(cString: text))
}

private func headerCallback(
    _ headers: UnsafeMutableRawPointer?, _ kind: MHD_ValueKind, _ name: UnsafePointer<CChar>?,
    _ nameSize: Int, _ value: UnsafePointer<CChar>?, _ valueSize: Int
) -> MHD_Result {
    guard let headers, let name else { return .YES }
    func text(_ start: UnsafePointer<CChar>?, _ count: Int) -> String {
        String(
            decoding: UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count),
            as: UTF8.self)
    }
    headers.assumingMemoryBound(to: HTTPHeaders.self).pointee.append(
        text(name, nameSize), text(value, valueSize))
    return .YES
}

private func fixedBodyFreed(_ context: UnsafeMutableRawPointer?) {
    guard let context else { return }
    Unmanaged<HTTPFixedBody>.fromOpaque(context).release()
}

/// What the library keeps with a streamed answer.
private final class HTTPStreamReader {
    unowned let daemon: HTTPDaemon
    let id: UInt

    init(daemon: HTTPDaemon, id: UInt) {
        self.daemon = daemon
        self.id = id
    }
}

private func streamCallback(
    _ context: UnsafeMutableRawPointer?, _ position: UInt64, _ target: UnsafeMutablePointer<CChar>?,
    _ size: Int
) -> Int {
    guard let context, let target else { return cmicrohttpd_end_with_error() }
    let reader = Unmanaged<HTTPStreamReader>.fromOpaque(context).takeUnretainedValue()
    return reader.daemon.read(
        reader.id, UnsafeMutableRawBufferPointer(start: target, count: size))
}

private func streamFreed(_ context: UnsafeMutableRawPointer?) {
    guard let context else { return }
    Unmanaged<HTTPStreamReader>.fromOpaque(context).release()
}

private func upgradeCallback(
    _ owner: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
    _ context: UnsafeMutableRawPointer?, _ early: UnsafePointer<CChar>?, _ earlySize: Int,
    _ socket: Int32, _ handle: OpaquePointer?
) {
    guard let daemon = daemon(owner), let handle else { return }
    let bytes = UnsafeRawBufferPointer(start: early, count: early == nil ? 0 : earlySize)
    daemon.upgraded(
        UInt(bitPattern: context), socket: socket, early: Array(bytes), handle: handle)
}
