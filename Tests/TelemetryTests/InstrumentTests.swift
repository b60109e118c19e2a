// SPDX-License-Identifier: Apache-2.0
import Telemetry
import Testing

struct InstrumentTests {
    @Test func aHistogramTellsItsQuantilesByBucket() {
        let histogram = Histogram(bounds: [1, 2, 4])
        #expect(histogram.snapshot.quantile(0.5) == nil)
        for value in [0.5, 1, 1.5, 3, 9] { histogram.record(value) }
        histogram.record(.nan)
        let snapshot = histogram.snapshot
        #expect(snapshot.counts == [2, 1, 1, 1])
        #expect(snapshot.count == 5)
        #expect(snapshot.sum == 15)
        #expect(snapshot.quantile(0.4) == 1)
        #expect(snapshot.quantile(0.5) == 2)
        #expect(snapshot.quantile(1) == 9)
    }
}
