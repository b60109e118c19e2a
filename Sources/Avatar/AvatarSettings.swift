// SPDX-License-Identifier: Apache-2.0
public import LipSync
public import Speech

/// What every session of a process is configured to do.
public struct AvatarSettings: Sendable {
    /// The Opus encoder.
    public var opus = OpusSettings()
    /// Visemes and prosody go over the unreliable channel.
    public var isLossy = false
    /// A session ends when nobody joined for so long.
    public var joinLimit = Duration.seconds(60)
    /// A session ends when everybody was gone for so long.
    public var emptyLimit = Duration.seconds(30)
    /// The voice of a session that names none.
    public var voice = "slt"
    /// The user's own table of what the mouth does, for its language; nil: the tables built in.
    public var articulations: ArticulationTable?
    /// Whether mouths open less in soft vowels and further in loud ones.
    public var followsEnergy = false
    /// The program's version, for the server's log.
    public var version = "0"

    /// The defaults.
    public init() {}

    /// Utterances that wait in a session at most (contract).
    public static let queueMax = 32
    /// Utterances whose fate a session remembers (contract).
    public static let historyMax = 32
}
