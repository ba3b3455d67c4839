//go:build race

package transfer

// raceDetector makes everything ten times slower.
const raceDetector = true
