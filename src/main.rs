fn main() {
    println!("attune");
}
