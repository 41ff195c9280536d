//! What the compiler says where an attribute is misused.

#[test]
fn misuse_is_told_where_it_is() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
