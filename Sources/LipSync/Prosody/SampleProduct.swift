// SPDX-License-Identifier: Apache-2.0

/// Σ samples[from + i] · factors[i] over all factors; samples beyond the end count for nothing.
///
/// Eight at a time: correlations and filters spend their time here.
func product(
    _ samples: borrowing [Float], from: Int, _ factors: borrowing [Float], offset: Int = 0,
    count: Int
) -> Float {
    let length = min(count, samples.count - from, factors.count - offset)
    guard from >= 0, offset >= 0, length > 0 else { return 0 }
    return unsafe samples.withUnsafeBytes { left in
        unsafe factors.withUnsafeBytes { right in
            var sum = SIMD8<Float>.zero
            var index = 0
            // SAFETY: the last load ends at index + 8 ≤ length, which both arrays reach.
            while index + 8 <= length {
                let a = unsafe left.loadUnaligned(
                    fromByteOffset: (from + index) * 4, as: SIMD8<Float>.self)
                let b = unsafe right.loadUnaligned(
                    fromByteOffset: (offset + index) * 4, as: SIMD8<Float>.self)
                sum += a * b
                index += 8
            }
            var tail: Float = 0
            while index < length {
                // SAFETY: as above, one value.
                let a = unsafe left.loadUnaligned(
                    fromByteOffset: (from + index) * 4, as: Float.self)
                let b = unsafe right.loadUnaligned(
                    fromByteOffset: (offset + index) * 4, as: Float.self)
                tail += a * b
                index += 1
            }
            return sum.sum() + tail
        }
    }
}
