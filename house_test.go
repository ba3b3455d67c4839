// Package house_test holds the tree to the rules of the house, those of
// CONTRIBUTING.md that a machine can check: here those for Go files, in
// house_imports_test.go what a package may import, in house_texts_test.go those
// for every text.
package house_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	maxLines     = 300 // of a file
	maxTestLines = 400 // of a file of tests, whose tables are long
	maxFunc      = 60  // lines of a function, without its tables
)

// longFuncs may be longer, each for its reason, by "folder.Name" or
// "folder.Type.Name".
var longFuncs = map[string]string{}

// source is a hand-written Go file of the tree.
type source struct {
	path string // from the root, with slashes
	file *ast.File
	fset *token.FileSet
	test bool
}

// line is the line of pos.
func (s source) line(pos token.Pos) int { return s.fset.Position(pos).Line }

// folder is the folder of the file, "." at the root.
func (s source) folder() string { return filepath.ToSlash(filepath.Dir(s.path)) }

// sources is every hand-written Go file of the tree, in the order of their paths.
func sources(t *testing.T) []source {
	t.Helper()
	texts := tree(t)
	var all []source
	for _, path := range slices.Sorted(maps.Keys(texts)) {
		if !strings.HasSuffix(path, ".go") {
			continue
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, texts[path], parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if !ast.IsGenerated(file) {
			all = append(all, source{path, file, fset, strings.HasSuffix(path, "_test.go")})
		}
	}
	return all
}

func TestFileLength(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		most := maxLines
		if s.test {
			most = maxTestLines
		}
		if lines := s.line(s.file.FileEnd - 1); lines > most {
			t.Errorf("%s: %d lines, of at most %d: it has more than one subject", s.path, lines, most)
		}
	}
}

func TestFuncLength(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, s := range sources(t) {
		for _, decl := range s.file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			name := s.folder() + "." + funcName(fn)
			for pos, lines := range funcLines(s, fn) {
				if lines <= maxFunc {
					continue
				}
				if used[name] = true; longFuncs[name] == "" {
					t.Errorf("%s:%d: %s has %d lines here, of at most %d", s.path, s.line(pos), name, lines, maxFunc)
				}
			}
		}
	}
	for name := range longFuncs {
		if !used[name] {
			t.Errorf("longFuncs excuses %s, which is not long", name)
		}
	}
}

// funcName is "Name", or "Type.Name" of a method.
func funcName(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return fn.Name.Name
	}
	return typeName(fn.Recv.List[0].Type) + "." + fn.Name.Name
}

// typeName is the name of a type, of a pointer to it or of an instance of it.
func typeName(expr ast.Expr) string {
	switch e := expr.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.ParenExpr:
		return typeName(e.X)
	case *ast.IndexExpr:
		return typeName(e.X)
	case *ast.IndexListExpr:
		return typeName(e.X)
	}
	return ""
}

// funcLines counts the lines of fn, and of each sub-test in it, by where they
// begin. A sub-test, which takes a testing.T, is a function of its own. Tables, which
// are literals of slices, arrays and maps, may be as long as what they list.
func funcLines(s source, fn ast.Node) map[token.Pos]int {
	span := func(node ast.Node) int { return s.line(node.End()) - s.line(node.Pos()) }
	counts := map[token.Pos]int{}
	lines := span(fn) + 1
	ast.Inspect(fn, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.CompositeLit:
			switch n.Type.(type) {
			case *ast.ArrayType, *ast.MapType:
				lines -= span(n)
				return false
			}
		case *ast.FuncLit:
			if n != fn && slices.ContainsFunc(n.Type.Params.List, func(p *ast.Field) bool { return isTesting(p.Type) }) {
				maps.Copy(counts, funcLines(s, n))
				lines -= span(n)
				return false
			}
		}
		return true
	})
	counts[fn.Pos()] = lines
	return counts
}

func TestPackages(t *testing.T) {
	t.Parallel()
	documented := map[string]bool{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		name := s.file.Name.Name
		if slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "manager", "types"}, name) {
			t.Errorf("%s: package %s is named after nothing in particular", s.path, name)
		}
		want := "doc.go"
		if name == "main" {
			want = "main.go"
		}
		has := filepath.Base(s.path) == want && s.file.Doc.Text() != ""
		documented[s.folder()] = documented[s.folder()] || has
	}
	for folder, ok := range documented {
		if !ok {
			t.Errorf("%s: no doc.go (main.go of a command) says what it is for", folder)
		}
	}
}

// TestTests forbids what makes tests slow, flaky or silent.
func TestTests(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if !s.test {
			continue
		}
		testingNames(s.file, nil, func(call *ast.SelectorExpr, names []string) {
			receiver := call.X.(*ast.Ident).Name
			if receiver == "time" && call.Sel.Name == "Sleep" {
				t.Errorf("%s:%d: a test that sleeps is slow on a fast machine and wrong on a slow one", s.path, s.line(call.Pos()))
			}
			if slices.Contains(names, receiver) && slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, call.Sel.Name) {
				t.Errorf("%s:%d: a skipped test passes; say what is missing and fail", s.path, s.line(call.Pos()))
			}
		})
	}
}

// testingNames walks node and reports each name.Selector in it, with the names that
// stand for a *testing.T, B, F or a testing.TB there.
func testingNames(node ast.Node, names []string, report func(*ast.SelectorExpr, []string)) {
	ast.Inspect(node, func(child ast.Node) bool {
		var signature *ast.FuncType
		var body *ast.BlockStmt
		switch n := child.(type) {
		case *ast.FuncDecl:
			signature, body = n.Type, n.Body
		case *ast.FuncLit:
			signature, body = n.Type, n.Body
		case *ast.SelectorExpr:
			if _, ok := n.X.(*ast.Ident); ok {
				report(n, names)
			}
		}
		if signature == nil || body == nil {
			return true
		}
		inside := slices.Clone(names)
		for _, param := range signature.Params.List {
			for _, name := range param.Names {
				inside = slices.DeleteFunc(inside, func(known string) bool { return known == name.Name })
				if isTesting(param.Type) {
					inside = append(inside, name.Name)
				}
			}
		}
		testingNames(body, inside, report)
		return false
	})
}

// isTesting says whether kind is testing.X or a pointer to it.
func isTesting(kind ast.Expr) bool {
	if star, ok := kind.(*ast.StarExpr); ok {
		kind = star.X
	}
	selector, ok := kind.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	of, ok := selector.X.(*ast.Ident)
	return ok && of.Name == "testing"
}

// TestGuards holds interface guards to the foot of the file that declares the
// type they guard, where a reader of that type finds them.
func TestGuards(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		declared, module, guarded := map[string]bool{}, "", false
		lastFunc := token.NoPos
		for _, decl := range s.file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				lastFunc = d.Pos()
				if d.Name.Name == "CaddyModule" && d.Recv != nil {
					module = typeName(d.Recv.List[0].Type)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if kind, ok := spec.(*ast.TypeSpec); ok {
						declared[kind.Name.Name] = true
					}
				}
			}
		}
		for name, pos := range guards(s.file) {
			guarded = true
			if !declared[name] {
				t.Errorf("%s:%d: guards %s, which another file declares", s.path, s.line(pos), name)
			}
			if pos < lastFunc {
				t.Errorf("%s:%d: the guard of %s is not at the foot", s.path, s.line(pos), name)
			}
		}
		if module != "" && !guarded {
			t.Errorf("%s: no interface guard says what %s is to Caddy", s.path, module)
		}
	}
}

// guards finds `var _ I = (*T)(nil)`, `= T{}`, `= &T{}` and `= new(T)`: the guarded
// types and where.
func guards(file *ast.File) map[string]token.Pos {
	found := map[string]token.Pos{}
	for _, decl := range file.Decls {
		vars, ok := decl.(*ast.GenDecl)
		if !ok || vars.Tok != token.VAR {
			continue
		}
		for _, spec := range vars.Specs {
			value := spec.(*ast.ValueSpec)
			if value.Names[0].Name != "_" || value.Type == nil || len(value.Values) != 1 {
				continue
			}
			guarded := value.Values[0]
			if unary, ok := guarded.(*ast.UnaryExpr); ok {
				guarded = unary.X
			}
			switch e := guarded.(type) {
			case *ast.CompositeLit:
				found[typeName(e.Type)] = value.Pos()
			case *ast.CallExpr:
				if name := typeName(e.Fun); name == "new" {
					found[typeName(e.Args[0])] = value.Pos()
				} else {
					found[name] = value.Pos()
				}
			}
		}
	}
	return found
}
