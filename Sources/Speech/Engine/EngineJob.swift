// SPDX-License-Identifier: Apache-2.0
internal import Net

/// What an engine is asked for, piece by piece; it belongs to the loop of its ``EnginePool``.
protocol EngineJob: AnyObject {
    /// What names it.
    var key: WorkPool.Key { get }
    /// Whether its end is decided; what an engine still sends for it is dropped.
    var isOver: Bool { get set }
    /// Whether it waits for its reader before the next piece.
    var isPaused: Bool { get }
    /// Whether the next piece goes before those that are not urgent.
    var isUrgent: Bool { get }
    /// Ends its wait for an engine.
    var deadline: DeadlineToken? { get set }

    /// What is to be done next.
    func step() -> EngineStep
    /// The line that asks for the next piece.
    func request(id: UInt32) -> [UInt8]
    /// The engine's frame about that piece.
    func took(_ frame: EngineWire.Frame)
    /// The piece is whole: calls `then` when it is worked off, so that the next one is not asked
    /// for before.
    func wasSpoken(samples: Int, then: @escaping @Sendable () -> Void)
    /// There will be no more; what came so far is delivered first.
    func fail(_ error: VoiceError)
}

/// How a job goes on.
enum EngineStep {
    /// An engine is asked for the next piece.
    case asks
    /// Its reader has to take something first.
    case waits
    /// It has all it wanted.
    case over
}
