"""The Network: integer layers, their exact activations, and the golden execution of them."""
