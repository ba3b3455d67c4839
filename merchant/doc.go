// Package merchant keeps the merchants of a platform, binds them to WeChat by a QR code,
// and sends them notices.
//
// Staff keep the list: [Desk.Create], [Desk.Edit], [Desk.Import]. For a merchant they make
// a code ([Desk.MakeCode]); he scans it with his own WeChat, follows the account by that,
// and is bound; then notices reach him there ([Desk.Send]).
//
// # A code
//
// Whoever holds a code may bind himself to its merchant, so it can't be guessed, is good
// for one scan, ends with a newer one, and lives for 30 days if it is mailed, or 30
// minutes if it is shown on a screen. It stands in one of these states:
//
//	waiting ──scan──▶ scanned ──▶ bound
//	   │                 └──────▶ refused ──replace──▶ bound
//	   └──▶ expired, superseded, cancelled
//
// [Judge] decides about a scan, in the transaction that writes what follows from it: a
// merchant has as many persons at an account as he may have, and an openid stands for one
// merchant of a realm. What contradicts that leaves everything as it was, and is told
// to the scanner and on the code to the staff, who may decide for the new one
// ([Desk.Replace]).
//
// A binding is reserved first, then the identity centre is asked to link who scanned with
// the merchant's user, and then the binding counts. Whatever cuts this off, the scan is
// handed to [Desk.Scanned] again and goes on from there. Nobody gets a notice by a binding
// that is only reserved.
//
// # What is not kept here
//
// Whether somebody follows the account is read where follows are kept, and what became of
// a notice where messages are kept. Who unfollows stays bound, and is shown as such.
//
// # Personal data
//
// Openids lie in bindings and in codes, as they do in the tables of followers and scans;
// [Desk.EraseOpenid] and [Desk.EraseUser] take them away. The history names them
// shortened. The content of notices is sealed.
package merchant
