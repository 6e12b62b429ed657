"""Events and labels become numbers. Pure: nothing here reads audio."""
