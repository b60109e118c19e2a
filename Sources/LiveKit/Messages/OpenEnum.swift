// SPDX-License-Identifier: Apache-2.0

/// An enumeration as protobuf means it: any number may come, some have a name.
public protocol OpenEnum: RawRepresentable, Hashable, Sendable, CustomStringConvertible
where RawValue == Int32 {
    /// Takes any number on the wire.
    init(rawValue: Int32)
    /// The names of the numbers from 0 on.
    static var names: [String] { get }
}

extension OpenEnum {
    /// The name, or the number where there is none.
    public var description: String {
        Self.names.indices.contains(Int(rawValue)) ? Self.names[Int(rawValue)] : "\(rawValue)"
    }
}
