"""Scene edits that the editor's pages ask for."""
