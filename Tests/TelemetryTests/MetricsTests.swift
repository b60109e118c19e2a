// SPDX-License-Identifier: Apache-2.0
import Telemetry
import Testing

struct MetricsTests {
    @Test func theTextIsWhatPrometheusReads() {
        let metrics = Metrics()
        metrics.counter("avatar_packets_total", help: "Packets.", labels: ["kind": "rtp"]).add(3)
        metrics.counter("avatar_packets_total", help: "Packets.", labels: ["kind": "a\"b\\\n"])
            .add()
        metrics.gauge("avatar_sessions", help: "Sessions\nnow.").set(2)
        metrics.gauge("avatar_load", help: "Load.") { 0.25 }
        let histogram = metrics.histogram("avatar_late_seconds", help: "Late.", bounds: [0.1, 1])
        for value in [0.05, 0.5, 5] { histogram.record(value) }
        #expect(
            metrics.text == """
                # HELP avatar_late_seconds Late.
                # TYPE avatar_late_seconds histogram
                avatar_late_seconds_bucket{le="0.1"} 1
                avatar_late_seconds_bucket{le="1"} 2
                avatar_late_seconds_bucket{le="+Inf"} 3
                avatar_late_seconds_sum 5.55
                avatar_late_seconds_count 3
                # HELP avatar_load Load.
                # TYPE avatar_load gauge
                avatar_load 0.25
                # HELP avatar_packets_total Packets.
                # TYPE avatar_packets_total counter
                avatar_packets_total{kind="rtp"} 3
                avatar_packets_total{kind="a\\"b\\\\\\n"} 1
                # HELP avatar_sessions Sessions\\nnow.
                # TYPE avatar_sessions gauge
                avatar_sessions 2

                """)
    }

    @Test func theSameNameAndLabelsAreTheSameInstrument() {
        let metrics = Metrics()
        let first = metrics.counter("avatar_x_total", help: "X.", labels: ["a": "1"])
        let second = metrics.counter("avatar_x_total", help: "X.", labels: ["a": "1"])
        #expect(first === second)
        #expect(first !== metrics.counter("avatar_x_total", help: "X.", labels: ["a": "2"]))
    }

    @Test func seriesAreBoundedAndTheRestStillCountsForItself() {
        let metrics = Metrics()
        for index in 0..<Metrics.maxSeries + 5 {
            metrics.counter("avatar_x_total", help: "X.", labels: ["n": "\(index)"]).add()
        }
        let text = metrics.text
        #expect(text.contains("avatar_series_refused_total 5\n"))
        #expect(text.split(separator: "\n").count { $0.hasPrefix("avatar_x_total") } == 2000)
    }

    @Test func gaugesAddFromAllThreads() async {
        let gauge = Gauge()
        let counter = Counter()
        let histogram = Histogram(bounds: [1])
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<1000 {
                        gauge.add(0.5)
                        counter.add()
                        histogram.record(0.5)
                    }
                }
            }
        }
        #expect(gauge.value == 2000)
        #expect(counter.value == 4000)
        #expect(histogram.snapshot.counts == [4000, 0])
    }
}
