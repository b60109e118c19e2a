// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// What a registration wants to be told.
///
/// Errors and hang-ups are always told.
public struct Interest: OptionSet, Hashable, Sendable {
    /// One bit each.
    public let rawValue: UInt8

    /// Makes a set of its bits.
    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// Data, a connection to accept, or the end of the stream.
    public static let read = Interest(rawValue: 1)
    /// Room in the send buffer, or the end of connecting.
    public static let write = Interest(rawValue: 2)
    /// The peer shut its sending side down (EPOLLRDHUP).
    public static let peerClosed = Interest(rawValue: 4)

    var events: UInt32 {
        var events: UInt32 = 0
        if contains(.read) { events |= EPOLLIN.rawValue }
        if contains(.write) { events |= EPOLLOUT.rawValue }
        if contains(.peerClosed) { events |= EPOLLRDHUP.rawValue }
        return events
    }
}

/// What a descriptor is ready for.
public struct Readiness: OptionSet, Hashable, Sendable {
    /// One bit each.
    public let rawValue: UInt8

    /// Makes a set of its bits.
    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// A read will not block.
    public static let readable = Readiness(rawValue: 1)
    /// A write will not block.
    public static let writable = Readiness(rawValue: 2)
    /// The peer shut its sending side down; data may still be unread.
    public static let peerClosed = Readiness(rawValue: 4)
    /// Both directions are over (EPOLLHUP).
    public static let hungUp = Readiness(rawValue: 8)
    /// A pending error (EPOLLERR): the next read, write or SO_ERROR tells it.
    public static let failed = Readiness(rawValue: 16)

    init(events: UInt32) {
        var readiness: Readiness = []
        if events & EPOLLIN.rawValue != 0 { readiness.insert(.readable) }
        if events & EPOLLOUT.rawValue != 0 { readiness.insert(.writable) }
        if events & EPOLLRDHUP.rawValue != 0 { readiness.insert(.peerClosed) }
        if events & EPOLLHUP.rawValue != 0 { readiness.insert(.hungUp) }
        if events & EPOLLERR.rawValue != 0 { readiness.insert(.failed) }
        self = readiness
    }
}
