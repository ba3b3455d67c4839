// Package wechatsim plays WeChat: logins on the web, on websites, in mini programs
// and apps, the tokens of accounts and the calls in their name, and what WeChat
// pushes to their servers, for tests and demonstrations, without an account, a
// certificate or the internet.
//
// In a test, one line starts it, and a cookie says who holds the phone:
//
//	sim := wechatsim.StartT(t)
//	client.OpenURL, client.Hosts = sim.URL, []string{sim.URL}
//	jar.SetCookies(simURL, []*http.Cookie{sim.PersonCookie("ming")})
//	// … log in, then compare with sim.OpenID("ming", appid)
//
// Prefer [StartT] to [New]. It takes free ports, stops itself, and logs the seed,
// so that a red test can be run again with the same dice. Leave [Options.Seed]
// alone until you need that: what WeChat leaves free (the order of fields, the
// length of a token, fields nobody has heard of) differs from run to run, so that
// a client can't grow used to one of the answers.
//
// Set an account up anew with [Sim.ChangeAccount], limit its calls with
// [Sim.SetLimits], and look with [Sim.Tokens] at every global token that it was
// ever given: which lived when, which came to nothing. Mini programs and apps are
// played by [Sim.MiniLogin], [Sim.MiniData], [Sim.MiniPhone] and [Sim.AppLogin];
// a website's QR code is answered by [Sim.ConfirmWeb], or by nobody with
// [Options.FastLogin].
//
// Move time with [Sim.Advance] instead of sleeping. Arm trouble by its name, such
// as sim.Fail("code_used"); [Faults] is the table. Ask [Sim.Requests] what your
// client really sent.
//
// Give an account's server its pushes with [Sim.SetPush], and be a person in Go:
// [Sim.Follow], [Sim.Scan], [Sim.Say], [Sim.Click]. [Sim.Settle] waits for what is
// due, [Sim.Pass] lets time pass stop by stop, [Sim.Pushes] has every try, and
// [Sim.Chat] what the person sees.
//
// People use the phone page, [Sim.World] under /phone/: it shows who there is,
// opens links as WeChat would, and lets one choose what goes wrong.
//
// Don't expose a simulator to a network: whoever reaches it is whom he likes.
// Don't take its silence for WeChat's consent either: docs/simulator.md lists what
// is faithful, what differs on purpose, and what is missing. Nothing is kept; a
// new start knows nobody's codes and tokens, but with the same seed the same
// people have the same openids.
//
// The package shares no code with our own client of WeChat, so that one mistake
// isn't made on both sides.
package wechatsim
