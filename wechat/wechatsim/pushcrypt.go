package wechatsim

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// cipherBlock is what WeChat pads to, although the blocks of AES are half as long
// (wechat-api.md §9.1).
const cipherBlock = 32

// cipherPrefix are the random bytes before the length of a message.
const cipherPrefix = 16

var aesKeyForm = regexp.MustCompile(`^[A-Za-z0-9]{43}$`)

// decodeAESKey reads an EncodingAESKey. Its last letter has two bits too many,
// which a strict decoder would refuse.
func decodeAESKey(encoded string) ([]byte, error) {
	if !aesKeyForm.MatchString(encoded) {
		return nil, errors.New("an EncodingAESKey is 43 of a-z, A-Z and 0-9")
	}
	key, err := base64.StdEncoding.DecodeString(encoded + "=")
	if err != nil {
		return nil, fmt.Errorf("decoding an EncodingAESKey: %w", err)
	}
	return key, nil
}

// pushSignature is how WeChat signs: the words sorted byte by byte, in one.
func pushSignature(words ...string) string {
	sorted := slices.Sorted(slices.Values(words))
	sum := sha1.Sum([]byte(strings.Join(sorted, "")))
	return hex.EncodeToString(sum[:])
}

// encryptPush encrypts a message for the appid tail. The prefix is 16 random bytes,
// the key 32 bytes.
func encryptPush(key []byte, prefix, message, tail string) (string, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return "", fmt.Errorf("encrypting a push: %w", err)
	}
	plain := []byte(prefix)
	plain = binary.BigEndian.AppendUint32(plain, uint32(len(message)))
	plain = append(plain, message...)
	plain = append(plain, tail...)
	pad := cipherBlock - len(plain)%cipherBlock
	plain = append(plain, bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, key[:aes.BlockSize]).CryptBlocks(plain, plain)
	return base64.StdEncoding.EncodeToString(plain), nil
}

// decryptPush takes back what [encryptPush] made.
func decryptPush(key []byte, encrypted, tail string) (string, error) {
	sealed, err := base64.StdEncoding.DecodeString(encrypted)
	if err != nil {
		return "", fmt.Errorf("decrypting: %w", err)
	}
	if len(sealed) == 0 || len(sealed)%cipherBlock != 0 {
		return "", fmt.Errorf("decrypting: %d bytes are no multiple of %d", len(sealed), cipherBlock)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return "", fmt.Errorf("decrypting: %w", err)
	}
	cipher.NewCBCDecrypter(block, key[:aes.BlockSize]).CryptBlocks(sealed, sealed)
	pad := int(sealed[len(sealed)-1])
	if pad < 1 || pad > cipherBlock {
		return "", errors.New("decrypting: the padding is none: a wrong key, or blocks of 16")
	}
	for _, b := range sealed[len(sealed)-pad:] {
		if int(b) != pad {
			return "", errors.New("decrypting: the padding is none: a wrong key")
		}
	}
	plain := sealed[:len(sealed)-pad]
	if len(plain) < cipherPrefix+4 {
		return "", errors.New("decrypting: there is no length in it")
	}
	size := int64(binary.BigEndian.Uint32(plain[cipherPrefix:]))
	rest := plain[cipherPrefix+4:]
	if size > int64(len(rest)) {
		return "", errors.New("decrypting: the length is longer than what there is")
	}
	if string(rest[size:]) != tail {
		return "", errors.New("decrypting: it ends with another appid")
	}
	return string(rest[:size]), nil
}
