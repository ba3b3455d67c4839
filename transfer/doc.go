// Package transfer moves links between a realm and the files of other programs: it
// reads tables of fans, in the dialects that people export them in, and writes out
// what a realm knows so that it can be read in again.
//
// [Open] reads a file row by row. [Importer] hands the rows to the identity centre,
// which alone decides what becomes of them; [Export] writes.
package transfer
