// SPDX-License-Identifier: Apache-2.0

/// A published track as the server describes it (`livekit.TrackInfo`).
public struct TrackInfo: Hashable, Sendable {
    /// `TR_…`.
    public var sid = ""
    /// Sound or pictures.
    public var kind = TrackKind.audio
    /// Its name, given by the publisher.
    public var name = ""
    /// Whether the publisher has muted it.
    public var isMuted = false
    /// Pixels, of video.
    public var width: UInt32 = 0
    /// Pixels, of video.
    public var height: UInt32 = 0
    /// Several sizes at once (deprecated).
    public var isSimulcast = false
    /// Frames come without gaps (deprecated by `audioFeatures`, which server 1.8 does not read).
    public var disableDTX = false
    /// Where it comes from.
    public var source = TrackSource.unknown
    /// Video layers, carried as they came.
    public var layers: [[UInt8]] = []
    /// Such as `audio/opus`; empty until the server has seen the offer.
    public var mimeType = ""
    /// The section of the publisher's SDP.
    public var mid = ""
    /// Its codecs.
    public var codecs: [SimulcastCodecInfo] = []
    /// Two channels (deprecated by `audioFeatures`, which server 1.8 does not read).
    public var isStereo = false
    /// Whether redundant audio is off.
    public var disableRED = false
    /// End-to-end encryption.
    public var encryption = TrackEncryption.none
    /// Tracks of one stream are meant to be played in step.
    public var stream = ""
    /// Orders two descriptions.
    public var version: TimedVersion?
    /// What its publisher says about its sound.
    public var audioFeatures: [AudioTrackFeature] = []
    /// About video.
    public var backupCodecPolicy = BackupCodecPolicy.preferRegression
    /// What is appended to its frames, by number.
    public var packetTrailerFeatures: [Int32] = []

    /// Describes nothing.
    public init() {}
}

/// One codec of a track (`livekit.SimulcastCodecInfo`).
public struct SimulcastCodecInfo: Hashable, Sendable {
    /// Such as `audio/opus`.
    public var mimeType = ""
    /// The section of the publisher's SDP.
    public var mid = ""
    /// The publisher's name for it.
    public var cid = ""
    /// Video layers, carried as they came.
    public var layers: [[UInt8]] = []
    /// How video layers are sent, by number.
    public var videoLayerMode: Int32 = 0
    /// The track id in the publisher's SDP.
    public var sdpCID = ""

    /// Describes nothing.
    public init() {}
}

/// Tracks of one participant (`livekit.ParticipantTracks`).
public struct ParticipantTracks: Hashable, Sendable {
    /// The participant's sid.
    public var participantSID = ""
    /// The tracks' sids.
    public var trackSIDs: [String] = []

    /// Names none.
    public init() {}
}
