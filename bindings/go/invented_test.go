// SPDX-License-Identifier: MIT

package tapegrad

import (
	"context"
	"os"
	"reflect"
	"testing"
)

// Run by itself with TG_LIBRARY naming a library that returns the status 9999 from every function:
// each call gives an error with the number, and none panics.
func TestAnInventedStatusIsAnErrorWithItsNumber(t *testing.T) {
	if os.Getenv("TG_INVENTED") == "" {
		t.Skip("TG_INVENTED is not set")
	}
	tried := 0
	for name, function := range Functions {
		f := reflect.ValueOf(function)
		arguments := make([]reflect.Value, f.Type().NumIn())
		for i := range arguments {
			arguments[i] = reflect.Zero(f.Type().In(i))
			switch f.Type().In(i) {
			case reflect.TypeFor[context.Context]():
				arguments[i] = reflect.ValueOf(context.Background())
			case reflect.TypeFor[Handle]():
				arguments[i] = reflect.ValueOf((*Tensor)(nil))
			}
		}
		results := f.Call(arguments)
		err, _ := results[len(results)-1].Interface().(error)
		if CodeOf(err) != 9999 || err.Error() == "" {
			t.Errorf("%s gave %v", name, err)
		}
		tried++
	}
	if tried < 150 {
		t.Errorf("%d functions alone", tried)
	}
	if err := error(nil); CodeOf(err) != OK {
		t.Error("no error has a code")
	}
	if Status(9999).String() != "status 9999" {
		t.Errorf("its name is %s", Status(9999))
	}
	if _, err := InferenceMode(context.Background(), true); CodeOf(err) != 9999 {
		t.Errorf("inference mode gave %v", err)
	}
}
