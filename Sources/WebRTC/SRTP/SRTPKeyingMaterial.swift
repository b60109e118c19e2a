// SPDX-License-Identifier: Apache-2.0
internal import CSRTP

// SAFETY: `bytes` is written in `init` alone and freed in `deinit` alone; between them it is only
// read, from any thread.

/// The master keys and salts of one DTLS-SRTP connection, both directions.
///
/// The bytes live in one block that is overwritten when the last reference goes; they are handed
/// to `SRTPContext` and shown to nobody else.
@safe public final class SRTPKeyingMaterial: @unchecked Sendable, CustomStringConvertible {
    /// What the keys are for.
    public let profile: SRTPProfile
    private let bytes: UnsafeMutableRawBufferPointer

    /// Takes a master key followed by its salt for each direction: local is what we send with.
    ///
    /// Nil when a length is not the profile's.
    public init?(profile: SRTPProfile, localKey: [UInt8], remoteKey: [UInt8]) {
        let length = profile.keyLength + profile.saltLength
        guard localKey.count == length, remoteKey.count == length else { return nil }
        self.profile = profile
        unsafe bytes = .allocate(byteCount: 2 * length, alignment: 16)
        unsafe bytes.copyBytes(from: localKey)
        unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[length...]).copyBytes(from: remoteKey)
    }

    /// Splits what the TLS exporter gave: client key, server key, client salt, server salt
    /// (RFC 5764 section 4.2). Nil when `exported` is shorter than the profile asks.
    init?(profile: SRTPProfile, exported: UnsafeRawBufferPointer, role: DTLSRole) {
        let (key, salt) = (profile.keyLength, profile.saltLength)
        let length = key + salt
        guard exported.count >= 2 * length else { return nil }
        self.profile = profile
        unsafe bytes = .allocate(byteCount: 2 * length, alignment: 16)
        // Offsets of the client's and the server's half in `bytes`: ours comes first.
        let (client, server) = role == .client ? (0, length) : (length, 0)
        let parts = [
            (client, 0, key), (server, key, key),
            (client + key, 2 * key, salt), (server + key, 2 * key + salt, salt),
        ]
        for (target, source, count) in parts {
            unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[target..<target + count])
                .copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: exported[source..<source + count]))
        }
    }

    deinit {
        unsafe csrtp_cleanse(bytes.baseAddress, bytes.count)
        unsafe bytes.deallocate()
    }

    /// Never shows a key.
    public var description: String { "SRTPKeyingMaterial(\(profile.name), <redacted>)" }

    /// Lends our master key followed by its salt.
    func withLocalKey<Result>(_ body: (UnsafeMutablePointer<UInt8>?) -> Result) -> Result {
        unsafe body(bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
    }

    /// Lends the peer's master key followed by its salt.
    func withRemoteKey<Result>(_ body: (UnsafeMutablePointer<UInt8>?) -> Result) -> Result {
        let remote = unsafe bytes.baseAddress?.advanced(by: bytes.count / 2)
        return unsafe body(remote?.assumingMemoryBound(to: UInt8.self))
    }
}
