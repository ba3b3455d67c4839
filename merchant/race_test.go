//go:build race

package merchant_test

// raceDetector makes everything ten times slower.
const raceDetector = true
