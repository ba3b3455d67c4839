package scene

// Codes of a [Fault].
const (
	FaultOrder     = "bad_order"
	FaultExhausted = "codes_exhausted" // no permanent code is left to the account
	FaultNotFound  = "not_found"
	FaultTaken     = "scene_taken" // the name is another code's
)

// Fault is an order that is refused.
type Fault struct {
	Code string
	// Field is what is wrong, and Limit what it may be.
	Field, Limit string
}

func (f *Fault) Error() string { en, _ := f.Say(); return en }

// Say says in English and Chinese what is wrong.
func (f *Fault) Say() (en, zh string) {
	switch f.Code {
	case FaultExhausted:
		return "the account has no permanent QR code left: make a temporary one", "该公众号的永久二维码数量已用完，请改用临时二维码"
	case FaultNotFound:
		return "there is no such QR code", "没有这个二维码"
	case FaultTaken:
		return "the account has another QR code of this name", "该公众号已有同名的二维码"
	}
	return "the order's " + f.Field + " is wrong: " + f.Limit, "请求中的 " + f.Field + " 有误：" + f.Limit
}
