// SPDX-License-Identifier: Apache-2.0

// Open enums: a newer peer may send numbers that have no name here, and they are kept.

/// What a track carries.
public struct TrackKind: OpenEnum {
    /// The number on the wire.
    public let rawValue: Int32

    /// Takes any number on the wire.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// Sound.
    public static let audio = TrackKind(rawValue: 0)
    /// Pictures.
    public static let video = TrackKind(rawValue: 1)
    /// Data; no server publishes such a track.
    public static let data = TrackKind(rawValue: 2)

    /// The names of the numbers that have one, in their order.
    public static let names = ["audio", "video", "data"]
}

/// Where a track comes from.
public struct TrackSource: OpenEnum {
    /// The number on the wire.
    public let rawValue: Int32

    /// Takes any number on the wire.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// Not said.
    public static let unknown = TrackSource(rawValue: 0)
    /// A camera.
    public static let camera = TrackSource(rawValue: 1)
    /// A microphone, or a voice.
    public static let microphone = TrackSource(rawValue: 2)
    /// A screen.
    public static let screenShare = TrackSource(rawValue: 3)
    /// The sound of a screen.
    public static let screenShareAudio = TrackSource(rawValue: 4)

    /// The names of the numbers that have one, in their order.
    public static let names = [
        "unknown", "camera", "microphone", "screenShare", "screenShareAudio",
    ]
}

/// How a track's frames are encrypted end to end.
public struct TrackEncryption: OpenEnum {
    /// The number on the wire.
    public let rawValue: Int32

    /// Takes any number on the wire.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// Not at all.
    public static let none = TrackEncryption(rawValue: 0)
    /// AES-GCM.
    public static let gcm = TrackEncryption(rawValue: 1)
    /// In a way of the application's own.
    public static let custom = TrackEncryption(rawValue: 2)

    /// The names of the numbers that have one, in their order.
    public static let names = ["none", "gcm", "custom"]
}

/// A property of an audio track that its publisher announces.
public struct AudioTrackFeature: OpenEnum {
    /// The number on the wire.
    public let rawValue: Int32

    /// Takes any number on the wire.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// Two channels.
    public static let stereo = AudioTrackFeature(rawValue: 0)
    /// Frames come without gaps.
    public static let noDTX = AudioTrackFeature(rawValue: 1)
    /// Loudness is evened out.
    public static let autoGainControl = AudioTrackFeature(rawValue: 2)
    /// Echoes are removed.
    public static let echoCancellation = AudioTrackFeature(rawValue: 3)
    /// Noise is removed.
    public static let noiseSuppression = AudioTrackFeature(rawValue: 4)
    /// Noise is removed by a model.
    public static let enhancedNoiseCancellation = AudioTrackFeature(rawValue: 5)
    /// Sound from before the connection is sent as data.
    public static let preconnectBuffer = AudioTrackFeature(rawValue: 6)

    /// The names of the numbers that have one, in their order.
    public static let names = [
        "stereo", "noDTX", "autoGainControl", "echoCancellation", "noiseSuppression",
        "enhancedNoiseCancellation", "preconnectBuffer",
    ]
}

/// What a server does when a subscriber cannot take a video codec.
public struct BackupCodecPolicy: OpenEnum {
    /// The number on the wire.
    public let rawValue: Int32

    /// Takes any number on the wire.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// Goes back to the backup codec for all, if it can.
    public static let preferRegression = BackupCodecPolicy(rawValue: 0)
    /// Sends both.
    public static let simulcast = BackupCodecPolicy(rawValue: 1)
    /// Goes back to the backup codec for all.
    public static let regression = BackupCodecPolicy(rawValue: 2)

    /// The names of the numbers that have one, in their order.
    public static let names = ["preferRegression", "simulcast", "regression"]
}

/// Which layer of a video a subscriber wants.
public struct VideoQuality: OpenEnum {
    /// The number on the wire.
    public let rawValue: Int32

    /// Takes any number on the wire.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// The smallest.
    public static let low = VideoQuality(rawValue: 0)
    /// The middle one.
    public static let medium = VideoQuality(rawValue: 1)
    /// The largest.
    public static let high = VideoQuality(rawValue: 2)
    /// None.
    public static let off = VideoQuality(rawValue: 3)

    /// The names of the numbers that have one, in their order.
    public static let names = ["low", "medium", "high", "off"]
}

/// How well a participant's media gets through.
public struct ConnectionQuality: OpenEnum {
    /// The number on the wire.
    public let rawValue: Int32

    /// Takes any number on the wire.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// Much is lost.
    public static let poor = ConnectionQuality(rawValue: 0)
    /// Some is lost.
    public static let good = ConnectionQuality(rawValue: 1)
    /// All is well.
    public static let excellent = ConnectionQuality(rawValue: 2)
    /// Nothing gets through.
    public static let lost = ConnectionQuality(rawValue: 3)

    /// The names of the numbers that have one, in their order.
    public static let names = ["poor", "good", "excellent", "lost"]
}
