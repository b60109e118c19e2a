// SPDX-License-Identifier: Apache-2.0

// Open enums: a newer peer may send numbers that have no name here, and they are kept.

/// How a packet travels.
public struct DataPacketKind: OpenEnum {
    /// The number on the wire.
    public let rawValue: Int32

    /// Takes any number on the wire.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// In order, none lost.
    public static let reliable = DataPacketKind(rawValue: 0)
    /// Once.
    public static let lossy = DataPacketKind(rawValue: 1)

    /// The names of the numbers that have one, in their order.
    public static let names = ["reliable", "lossy"]
}

/// What a text stream does to a text that was sent before.
public struct DataStreamOperation: OpenEnum {
    /// The number on the wire.
    public let rawValue: Int32

    /// Takes any number on the wire.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// It is new.
    public static let create = DataStreamOperation(rawValue: 0)
    /// It replaces it.
    public static let update = DataStreamOperation(rawValue: 1)
    /// It takes it back.
    public static let delete = DataStreamOperation(rawValue: 2)
    /// It reacts to it.
    public static let reaction = DataStreamOperation(rawValue: 3)

    /// The names of the numbers that have one, in their order.
    public static let names = ["create", "update", "delete", "reaction"]
}

/// How a stream's content is packed.
public struct DataStreamCompression: OpenEnum {
    /// The number on the wire.
    public let rawValue: Int32

    /// Takes any number on the wire.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// Not at all.
    public static let none = DataStreamCompression(rawValue: 0)
    /// RFC 1951, without a header.
    public static let deflateRaw = DataStreamCompression(rawValue: 1)

    /// The names of the numbers that have one, in their order.
    public static let names = ["none", "deflateRaw"]
}
