//go:build race

package job_test

// raceDetector says that everything takes ten times as long.
const raceDetector = true
