// SPDX-License-Identifier: Apache-2.0
public import Base

/// What the issuer needs of the sessions; whoever runs them implements it.
///
/// Called from the web loop; every call hops to the sessions' own thread once and back once.
public protocol SessionControl: Sendable {
    /// Brings an agent into the room and waits until it is there, at most five seconds.
    func start(_ plan: SessionPlan) async throws(SessionRefusal)
    /// How a session stands; nil when it never was here or is long gone.
    func status(room: String) async -> SessionStatus?
    /// Makes the agent say something.
    func speak(
        room: String, text: String, bargeIn: Bool, voice: String?
    ) async throws(SessionRefusal) -> AcceptedUtterance
    /// Stops what is being said and everything that waits; tells which.
    func stop(room: String) async throws(SessionRefusal) -> [Int]
    /// Ends the session; one that is gone is no error.
    func end(room: String) async
    /// The voices that `voice_id` may name.
    func voices() async -> [VoiceEntry]
}

/// What a new session is to be.
public struct SessionPlan: Sendable, Equatable {
    /// The room to join.
    public var room: String
    /// The token of the agent.
    public var token: String
    /// The agent's identity.
    public var identity: String
    /// The voice, nil for the configured one.
    public var voice: String?
    /// The language asked for.
    public var language: String?
    /// Opaque name of the picture or head.
    public var avatar: String?
    /// How far events run ahead of their audio, ms.
    public var lead: Int
    /// The session's longest life.
    public var lifetime: Duration
}

/// Why a session cannot do what it is asked.
public enum SessionRefusal: Error, Equatable, Sendable {
    /// No agent runs in that room any more.
    case ended
    /// So many utterances wait that no more are taken.
    case queueFull(Int)
    /// The room server refused or did not answer; one sentence.
    case unreachable(String)
    /// No capacity now; one sentence.
    case overloaded(String)
}

/// An utterance that was taken.
public struct AcceptedUtterance: Sendable, Equatable {
    /// Its number in the session, from 1.
    public var id: Int
    /// Utterances ahead of it.
    public var queued: Int

    /// Joins a number and what waits ahead.
    public init(id: Int, queued: Int) {
        self.id = id
        self.queued = queued
    }
}

/// A voice that can be asked for.
public struct VoiceEntry: Sendable, Equatable {
    /// What `voice_id` names.
    public var id: String
    /// Language tag.
    public var language: String
    /// A name for people.
    public var name: String
    /// Who synthesises.
    public var provider: String

    /// Joins what is known of a voice.
    public init(id: String, language: String, name: String, provider: String) {
        self.id = id
        self.language = language
        self.name = name
        self.provider = provider
    }
}

/// How a session stands.
public struct SessionStatus: Sendable, Equatable {
    /// The session's state.
    public enum State: String, Sendable {
        case starting, live, ended, failed
    }

    /// One of the last 32 utterances.
    public struct Utterance: Sendable, Equatable {
        /// Its number.
        public var id: Int
        /// queued, speaking, ended, interrupted or error.
        public var state: String
        /// Code and sentence of what went wrong.
        public var error: Failure?

        /// What went wrong with an utterance.
        public struct Failure: Sendable, Equatable {
            /// A code of the message contract.
            public var code: String
            /// One sentence.
            public var message: String

            /// Joins a code and a sentence.
            public init(code: String, message: String) {
                self.code = code
                self.message = message
            }
        }

        /// Joins what is known of an utterance.
        public init(id: Int, state: String, error: Failure? = nil) {
            self.id = id
            self.state = state
            self.error = error
        }
    }

    /// The session's state.
    public var state: State
    /// Whether it speaks now.
    public var isSpeaking = false
    /// The last 32 utterances, oldest first.
    public var utterances: [Utterance] = []
    /// The voice it speaks with.
    public var voice: String
    /// Remote participants that are no agents.
    public var participants = 0
    /// When it started.
    public var startedAt: WallClock
    /// When it ends at the latest.
    public var endsAt: WallClock
    /// Why it failed or ended, one sentence.
    public var error: String?

    /// A session that starts.
    public init(state: State, voice: String, startedAt: WallClock, endsAt: WallClock) {
        self.state = state
        self.voice = voice
        self.startedAt = startedAt
        self.endsAt = endsAt
    }
}
