"""Regular expressions that a contract takes, and values on which Python and Java have to agree."""

COMMON = [
    "yeahsdf", "^example-id$", "Draft|Test", "(?i)draft", "(?i:draft) exam", "^(draft|test)[ _-]?[0-9]{1,3}$", r"\d+", r"^\w+$", r"\s$",
    r"\D\W\S", r"\Atest", r"test$", "a.c", "(?s)a.c", "^.$", r"\.json$", r"a\{2\}", "a{2}", "a{1,}b", "(?:ab)+", "a(?=b)", "a(?!b)",
    "(?<=a)b", "(?<!a)b", "(?>a+)b", "a++b", "a*?b", "[^a-z]", r"[\w.-]+@", r"[\]\[]", "[a^b]", r"\x41\u00e9", "[é-ü]", "é", "]", "}",
    r"\<b\>", r"[\n\t]", "(^|[^A-Za-z0-9_])test", "😀", "[😀x]", "()x",
]  # fmt: skip

VALUES = [
    "", "test", "Test 12", "DRAFT exam", "draft", "yeahsdf2", "example-id", "an example-id", "a\nc", "a\rc", "a\u2028c", "a\u0085c", "abc",
    "test\n", "test\r", "test\r\n", "é", "É", "ü", "٣", "12", "a b", "a\u00a0", "x ", "a{2}", "aa", "aab", "abab", "ab", "ac", "b", "[x]",
    "me@home.org", "file.json", "fileXjson", "a^", "Aé", "<b>", "latest", "a test", "ſ", "K", "😀", "x", "}", "\ud7ff", "_", "-",
]  # fmt: skip
