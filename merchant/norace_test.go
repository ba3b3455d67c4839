//go:build !race

package merchant_test

const raceDetector = false
