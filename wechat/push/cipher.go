package push

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"regexp"
)

// blockSize is what WeChat pads to, twice the block of AES.
const blockSize = 32

// head is the length of what comes before the text: 16 random characters, and the
// number of the text's bytes.
const head = 16 + 4

var keyForm = regexp.MustCompile(`^[A-Za-z0-9]{43}$`)

// aesKey decodes an EncodingAESKey. Its last character has two bits too many, which
// are often set, so a strict decoder won't do.
func aesKey(text string) ([]byte, error) {
	if !keyForm.MatchString(text) {
		return nil, refuse(CodeKeys)
	}
	key, err := base64.StdEncoding.DecodeString(text + "=")
	if err != nil || len(key) != 32 {
		return nil, refuse(CodeKeys)
	}
	return key, nil
}

// encrypt seals a text for appID under one of WeChat's keys.
func encrypt(encodingKey, random, text, appID string) (string, error) {
	key, err := aesKey(encodingKey)
	if err != nil {
		return "", err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return "", refuse(CodeKeys)
	}
	plain := make([]byte, 0, head+len(text)+len(appID)+blockSize)
	plain = append(plain, random...)
	plain = binary.BigEndian.AppendUint32(plain, uint32(len(text))) //nolint:gosec // texts are no gigabytes
	plain = append(plain, text...)
	plain = append(plain, appID...)
	pad := blockSize - len(plain)%blockSize
	plain = append(plain, bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, key[:aes.BlockSize]).CryptBlocks(plain, plain)
	return base64.StdEncoding.EncodeToString(plain), nil
}

// decrypt opens a text with the first of the keys that fits, and says which. If none
// does, the error is that of the current key.
func (k Keys) decrypt(sealed string) (text []byte, key string, err error) {
	for _, candidate := range k.AESKeys {
		text, e := decrypt(candidate, sealed, k.AppID)
		if e == nil {
			return text, candidate, nil
		}
		if err == nil {
			err = e
		}
	}
	return nil, "", err
}

func decrypt(encodingKey, sealed, appID string) ([]byte, error) {
	key, err := aesKey(encodingKey)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, refuse(CodeKeys)
	}
	plain, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil || len(plain) == 0 || len(plain)%blockSize != 0 {
		return nil, refuse(CodeCipher)
	}
	cipher.NewCBCDecrypter(block, key[:aes.BlockSize]).CryptBlocks(plain, plain)
	pad := int(plain[len(plain)-1])
	if pad < 1 || pad > blockSize {
		return nil, refuse(CodePadding)
	}
	for _, b := range plain[len(plain)-pad:] {
		if int(b) != pad {
			return nil, refuse(CodePadding)
		}
	}
	plain = plain[:len(plain)-pad]
	if len(plain) < head {
		return nil, refuse(CodeLength)
	}
	size := binary.BigEndian.Uint32(plain[16:head])
	if uint64(size) > uint64(len(plain)-head) {
		return nil, refuse(CodeLength)
	}
	text, tail := plain[head:head+int(size)], plain[head+int(size):]
	if subtle.ConstantTimeCompare(tail, []byte(appID)) != 1 {
		return nil, refuse(CodeAppID)
	}
	return text, nil
}

// letters are n random characters of 0-9a-f; n is even.
func letters(random func([]byte), n int) string {
	b := make([]byte, n/2)
	random(b)
	return hex.EncodeToString(b)
}
