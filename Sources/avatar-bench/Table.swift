// SPDX-License-Identifier: Apache-2.0

/// Columns of text, the first to the left and the others to the right.
struct Table {
    private var rows: [[String]]

    init(_ titles: [String]) {
        rows = [titles]
    }

    mutating func add(_ cells: [String]) { rows.append(cells) }

    var text: String {
        let widths = (rows.first ?? []).indices.map { column in
            rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            row.enumerated().map { column, cell in
                let fill = String(repeating: " ", count: widths[column] - cell.count)
                return column == 0 ? cell + fill : fill + cell
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}

/// Text filled with blanks to a width.
func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(width - text.count, 0))
}

/// A number with so many decimals; a dash for what is not a number.
func fixed(_ value: Double, _ decimals: Int) -> String {
    guard value.isFinite else { return "-" }
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let scaled = (value.magnitude * scale).rounded()
    guard scaled < 9e15 else { return "\(value)" }
    let whole = Int(scaled)
    let sign = value < 0 && whole > 0 ? "-" : ""
    guard decimals > 0 else { return sign + "\(whole)" }
    let digits = String(whole)
    let filled = String(repeating: "0", count: max(decimals + 1 - digits.count, 0)) + digits
    return sign + filled.dropLast(decimals) + "." + filled.suffix(decimals)
}

/// A share as percent.
func percent(_ part: Int, _ whole: Int, _ decimals: Int = 1) -> String {
    whole == 0 ? "-" : fixed(100 * Double(part) / Double(whole), decimals)
}

extension [Double] {
    /// The value below which so large a part lies, 0…1; not a number of nothing.
    func quantile(_ part: Double) -> Double {
        guard !isEmpty else { return .nan }
        let sorted = self.sorted()
        return sorted[Swift.min(Int(part * Double(count)), count - 1)]
    }

    var mean: Double { isEmpty ? .nan : reduce(0, +) / Double(count) }
}
