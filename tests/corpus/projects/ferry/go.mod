module ferry.example/ferry

go 1.20
