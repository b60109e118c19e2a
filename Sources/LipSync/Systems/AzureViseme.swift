// SPDX-License-Identifier: Apache-2.0

/// A change of Azure's viseme, as its speech SDK reports one: it holds until the next.
public struct AzureViseme: Sendable, Equatable {
    /// Milliseconds from the start of the input.
    public var time: Double
    /// 0…21.
    public var id: Int

    /// All ids: 0 is silence, 21 the closed lips.
    public static let ids = 0...21

    /// The visemes of a sequence of sounds, one for every change; the last one is silence.
    ///
    /// Where Azure's published tables draw the rounded front vowels of German and French spread, ours
    /// gives them the ids of their lips.
    public static func sequence(
        of phones: [Phone], table: ArticulationTable = .english
    ) -> [AzureViseme] {
        var events = [AzureViseme(time: 0, id: 0)]
        for phone in phones {
            var start = phone.start
            for (share, id) in table.sound(of: phone).azure {
                append(AzureViseme(time: start, id: id), to: &events)
                start += phone.duration * share
            }
        }
        append(AzureViseme(time: phones.last?.end ?? 0, id: 0), to: &events)
        return events
    }

    private static func append(_ event: AzureViseme, to events: inout [AzureViseme]) {
        guard let last = events.last, last.id != event.id else { return }
        if event.time <= last.time { events.removeLast() }
        if events.last?.id != event.id { events.append(event) }
    }

    /// The id that is nearest to a shape.
    static func id(of shape: MouthShape) -> Int {
        switch shape.dominant {
        case .rest: 0
        case .ai: 2
        case .e: 4
        case .o: 8
        case .u, .wq: 7
        case .mbp: 21
        case .fv: 18
        case .l: 14
        case .r: 13
        case .ch: 16
        case .th: 19
        }
    }
}
