// SPDX-License-Identifier: Apache-2.0
internal import CLiveKitProto

/// A Swift value that has a protobuf-c struct.
///
/// Its `code` lists its fields once, for both directions: reading copies from the struct into the
/// value, writing from the value into the struct. What one side can say, the other can hear.
protocol WireMessage {
    /// The struct that protoc-c made.
    associatedtype C
    /// protoc-c's `…__init` of the struct.
    static var initialize: (UnsafeMutablePointer<C>?) -> Void { get }
    /// An empty message.
    init()
    /// Copies every field from `c` or into it.
    mutating func code(_ c: inout C, _ wire: inout WireCoder)
}

extension WireMessage {
    /// An initialised struct.
    static var blank: C {
        withUnsafeTemporaryAllocation(of: C.self, capacity: 1) { memory in
            // SAFETY: one struct's room; `initialize` assigns every byte of it, and a C struct
            // needs no deinitialising.
            initialize(memory.baseAddress)
            return memory[0]
        }
    }
}

/// Copies fields between Swift values and protobuf-c structs, in one direction.
///
/// Zero values are left out when writing, as proto3 does; only an `Optional` tells absent from
/// zero. C strings end at a NUL, and so does a text that contains one.
struct WireCoder {
    /// The most elements of one list; the largest real ones are a room's participants.
    static let maxElements = 16_384

    private let arena: WireArena
    let isReading: Bool
    /// A list was longer than `maxElements`.
    private(set) var isOverLimit = false

    private init(arena: WireArena, isReading: Bool) {
        self.arena = arena
        self.isReading = isReading
    }

    static func reader(_ arena: WireArena) -> WireCoder { WireCoder(arena: arena, isReading: true) }
    static func writer(_ arena: WireArena) -> WireCoder {
        WireCoder(arena: arena, isReading: false)
    }

    // MARK: Texts and bytes

    mutating func text(_ value: inout String, _ c: inout UnsafeMutablePointer<CChar>?) {
        if isReading { value = string(c) } else { c = value.isEmpty ? nil : copy(value) }
    }

    mutating func text(_ value: inout String?, _ c: inout UnsafeMutablePointer<CChar>?) {
        if isReading { value = c.map { string($0) } } else { c = value.flatMap { copy($0) } }
    }

    mutating func texts(
        _ values: inout [String],
        _ c: inout UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ count: inout Int
    ) {
        if isReading {
            values = elements(c, count).map { string($0) }
        } else {
            (c, count) = list(values.map { copy($0) })
        }
    }

    mutating func bytes(
        _ value: inout [UInt8], _ c: inout ProtobufCBinaryData, _ has: inout protobuf_c_boolean
    ) {
        if isReading {
            value = array(c)
        } else if !value.isEmpty {
            c = copy(value)
            has = 1
        }
    }

    mutating func bytes(
        _ value: inout [UInt8]?, _ c: inout ProtobufCBinaryData, _ has: inout protobuf_c_boolean
    ) {
        if isReading {
            value = has != 0 ? array(c) : nil
        } else if let value {
            c = copy(value)
            has = 1
        }
    }

    mutating func bytes(
        _ values: inout [[UInt8]], _ c: inout UnsafeMutablePointer<ProtobufCBinaryData>?,
        _ count: inout Int
    ) {
        if isReading {
            values = elements(c, count).map { array($0) }
        } else {
            (c, count) = list(values.map { copy($0) })
        }
    }

    // MARK: Numbers

    mutating func number<N: Numeric>(
        _ value: inout N, _ c: inout N, _ has: inout protobuf_c_boolean
    ) {
        if isReading {
            value = c
        } else if value != 0 {
            c = value
            has = 1
        }
    }

    mutating func number<N: Numeric>(
        _ value: inout N?, _ c: inout N, _ has: inout protobuf_c_boolean
    ) {
        if isReading {
            value = has != 0 ? c : nil
        } else if let value {
            c = value
            has = 1
        }
    }

    mutating func numbers<N: Numeric>(
        _ values: inout [N], _ c: inout UnsafeMutablePointer<N>?, _ count: inout Int
    ) {
        if isReading { values = elements(c, count) } else { (c, count) = list(values) }
    }

    mutating func flag(
        _ value: inout Bool, _ c: inout protobuf_c_boolean, _ has: inout protobuf_c_boolean
    ) {
        if isReading {
            value = c != 0
        } else if value {
            c = 1
            has = 1
        }
    }

    mutating func choice<E: OpenEnum, C: RawRepresentable<UInt32>>(
        _ value: inout E, _ c: inout C, _ has: inout protobuf_c_boolean
    ) {
        if isReading {
            value = E(rawValue: Int32(bitPattern: c.rawValue))
        } else if value.rawValue != 0, let raw = C(rawValue: UInt32(bitPattern: value.rawValue)) {
            c = raw
            has = 1
        }
    }

    mutating func choices<E: OpenEnum, C: RawRepresentable<UInt32>>(
        _ values: inout [E], _ c: inout UnsafeMutablePointer<C>?, _ count: inout Int
    ) {
        if isReading {
            values = elements(c, count).map { E(rawValue: Int32(bitPattern: $0.rawValue)) }
        } else {
            (c, count) = list(
                values.compactMap { C(rawValue: UInt32(bitPattern: $0.rawValue)) })
        }
    }

    mutating func numbers<C: RawRepresentable<UInt32>>(
        _ values: inout [Int32], _ c: inout UnsafeMutablePointer<C>?, _ count: inout Int
    ) {
        if isReading {
            values = elements(c, count).map { Int32(bitPattern: $0.rawValue) }
        } else {
            (c, count) = list(values.compactMap { C(rawValue: UInt32(bitPattern: $0)) })
        }
    }

    // MARK: Messages

    mutating func message<M: WireMessage>(_ value: inout M, _ c: inout UnsafeMutablePointer<M.C>?) {
        if isReading { value = read(c) } else { c = write(value) }
    }

    mutating func message<M: WireMessage>(
        _ value: inout M?, _ c: inout UnsafeMutablePointer<M.C>?
    ) {
        if isReading {
            value = c == nil ? nil : read(c)
        } else if let value {
            c = write(value)
        }
    }

    mutating func messages<M: WireMessage>(
        _ values: inout [M], _ c: inout UnsafeMutablePointer<UnsafeMutablePointer<M.C>?>?,
        _ count: inout Int
    ) {
        if isReading {
            values = []
            for element in elements(c, count) { values.append(read(element)) }
        } else {
            var pointers: [UnsafeMutablePointer<M.C>?] = []
            for value in values { pointers.append(write(value)) }
            (c, count) = list(pointers)
        }
    }

    /// A map, which is a list of entries on the wire; written in the order of its keys.
    mutating func map(
        _ value: inout [String: String],
        _ c: inout UnsafeMutablePointer<UnsafeMutablePointer<Livekit__StringEntry>?>?,
        _ count: inout Int
    ) {
        var entries: [StringEntry] = []
        if !isReading {
            entries = value.sorted { $0.key < $1.key }.map { StringEntry(key: $0, value: $1) }
        }
        messages(&entries, &c, &count)
        if isReading {
            value = Dictionary(
                entries.map { ($0.key ?? "", $0.value ?? "") }, uniquingKeysWith: { $1 })
        }
    }

    /// The value of a struct that may be absent.
    mutating func read<M: WireMessage>(_ c: UnsafeMutablePointer<M.C>?) -> M {
        var value = M()
        // SAFETY: protobuf-c's pointers to members are nil or lead to a whole struct of their kind.
        if let c { value.code(&c.pointee, &self) }
        return value
    }

    /// A struct with a value's fields, in the arena.
    mutating func write<M: WireMessage>(_ value: M) -> UnsafeMutablePointer<M.C>? {
        guard let c = arena.allocate(M.C.self, 1) else { return nil }
        // SAFETY: room for one struct, of which `initialize` assigns every byte; it stays where it
        // is until the arena goes.
        M.initialize(c)
        var value = value
        value.code(&c.pointee, &self)
        return c
    }

    /// The text of a oneof's member.
    func string(_ c: UnsafePointer<CChar>?) -> String {
        // SAFETY: protobuf-c ends every string with a NUL.
        c.map { String(cString: $0) } ?? ""
    }

    func string(_ c: UnsafeMutablePointer<CChar>?) -> String { string(UnsafePointer(c)) }

    /// The bytes of a oneof's member.
    func array(_ c: ProtobufCBinaryData) -> [UInt8] {
        // SAFETY: `data` holds `len` bytes, or is nil where `len` is 0.
        Array(UnsafeBufferPointer(start: c.data, count: c.data == nil ? 0 : c.len))
    }

    /// A C string in the arena.
    func copy(_ text: String) -> UnsafeMutablePointer<CChar>? {
        var text = text
        return text.withUTF8 { utf8 in
            guard let memory = arena.allocate(CChar.self, utf8.count + 1) else { return nil }
            // SAFETY: room for the text and its NUL; the two do not overlap.
            let raw = UnsafeMutableRawPointer(memory)
            if let start = utf8.baseAddress { raw.copyMemory(from: start, byteCount: utf8.count) }
            memory[utf8.count] = 0
            return memory
        }
    }

    /// Bytes in the arena.
    func copy(_ bytes: [UInt8]) -> ProtobufCBinaryData {
        let (data, count) = list(bytes)
        return ProtobufCBinaryData(len: count, data: data)
    }

    private mutating func elements<T>(_ c: UnsafeMutablePointer<T>?, _ count: Int) -> [T] {
        guard let c, count > 0 else { return [] }
        guard count <= Self.maxElements else {
            isOverLimit = true
            return []
        }
        // SAFETY: protobuf-c keeps `count` elements behind the pointer.
        return Array(UnsafeBufferPointer(start: c, count: count))
    }

    private func list<T>(_ values: [T]) -> (UnsafeMutablePointer<T>?, Int) {
        guard let memory = arena.allocate(T.self, values.count) else { return (nil, 0) }
        values.withUnsafeBufferPointer { values in
            guard let start = values.baseAddress else { return }
            // SAFETY: the memory has room for all values, and T is a C type without a deinit.
            memory.initialize(from: start, count: values.count)
        }
        return (memory, values.count)
    }
}

/// An entry of a map. A map's entry says both, also when empty.
struct StringEntry: WireMessage {
    static var initialize: (UnsafeMutablePointer<Livekit__StringEntry>?) -> Void {
        livekit__string_entry__init
    }
    var key: String?
    var value: String?

    init() {}

    init(key: String, value: String) {
        self.key = key
        self.value = value
    }

    mutating func code(_ c: inout Livekit__StringEntry, _ wire: inout WireCoder) {
        wire.text(&key, &c.key)
        wire.text(&value, &c.value)
    }
}
