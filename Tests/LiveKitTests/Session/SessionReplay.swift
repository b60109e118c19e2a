// SPDX-License-Identifier: Apache-2.0
import Base
import LiveKit

/// Plays one recorded connection through the session machine: the server's frames as they came, the
/// client's as commands, and a peer connection that always succeeds.
struct SessionReplay {
    private(set) var events: [(seconds: Double, event: SessionEvent)] = []
    private(set) var sent: [SignalRequest] = []
    private(set) var outputs: [ParticipantSession.Output] = []
    private(set) var statistics = ParticipantSession.Statistics()
    private(set) var end: SessionEnd?
    private(set) var syncState: SyncState?

    static func instant(_ seconds: Double) -> Instant {
        Instant(nanoseconds: UInt64(seconds * 1e9) + 1_000_000_000)
    }

    /// - Parameter frames: of one connection, in order; the first one from the server is a join.
    init(_ frames: [RecordedFrame]) throws {
        var session = ParticipantSession()
        var isOfferWanted = false
        let start = Self.instant(frames.first?.seconds ?? 0)
        session.signalOpened(at: start)
        func drain(_ session: inout ParticipantSession, _ seconds: Double) throws {
            while let output = session.poll() {
                outputs.append(output)
                switch output {
                case .sendFrame(let bytes): sent.append(try SignalRequest(decoding: bytes))
                case .createPublisherOffer: isOfferWanted = true
                case .applySubscriberOffer(let sdp, let id):
                    session.subscriberAnswerCreated("answer to \(sdp.count)", id: id)
                    session.mediaStateChanged(.subscriber, .connected, at: Self.instant(seconds))
                case .applyPublisherAnswer:
                    session.mediaStateChanged(.publisher, .connected, at: Self.instant(seconds))
                case .event(let event): events.append((seconds, event))
                case .closeSignal, .addRemoteCandidate: break
                }
            }
        }
        for frame in frames {
            let now = Self.instant(frame.seconds)
            if let deadline = session.deadline, deadline <= now { session.tick(at: now) }
            if frame.isFromServer {
                session.frameReceived(frame.bytes, at: now)
                try drain(&session, frame.seconds)
                continue
            }
            switch try SignalRequest(decoding: frame.bytes) {
            case .addTrack(let request): try? session.publish(request, at: now)
            case .offer(let offer):
                try drain(&session, frame.seconds)
                if !isOfferWanted { session.negotiatePublisher(at: now) }
                try drain(&session, frame.seconds)
                isOfferWanted = false
                session.publisherOfferCreated(offer.sdp, at: now)
            case .updateMetadata(let update):
                _ = try? session.update(
                    metadata: update.metadata, name: update.name, attributes: update.attributes,
                    at: now)
            default: break
            }
            try drain(&session, frame.seconds)
        }
        statistics = session.statistics
        end = session.end
        syncState = session.syncState
    }

    /// The connections of a run that begin with a join, by who they are, in order.
    static func connections(of run: String) throws -> [(who: String, frames: [RecordedFrame])] {
        let frames = try RecordedFrame.frames(of: run)
        var order: [Int64] = []
        var byConnection: [Int64: [RecordedFrame]] = [:]
        for frame in frames {
            if byConnection[frame.connection] == nil { order.append(frame.connection) }
            byConnection[frame.connection, default: []].append(frame)
        }
        return order.compactMap { connection in
            let frames = byConnection[connection] ?? []
            guard let first = frames.first(where: \.isFromServer), first.kind == "join" else {
                return nil
            }
            return (first.who, frames)
        }
    }
}
