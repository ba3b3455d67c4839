// Package wechatsim plays the part of WeChat that signs visitors in on the web:
// open.weixin.qq.com and api.weixin.qq.com, and the phone in the visitor's hand.
//
// It is for tests and demos, and for nothing else: its secrets are public and it
// keeps nothing. In a test, [StartT] is all it takes:
//
//	sim := wechatsim.StartT(t)
//	client := wechat.NewClient(wechat.Config{OpenURL: sim.URL, Hosts: []string{sim.URL}})
//
// It is strict where WeChat is strict, and where WeChat promises nothing it does
// something else each time: the order of fields, their number, the length of a
// token. Code that passes here has not got used to an accident. What goes wrong at
// WeChat can be had by name, see [Faults]; the clock and the dice are in the test's
// hands, see [Options].
//
// It shares no code with package wechat, so that one mistake isn't made twice.
package wechatsim
