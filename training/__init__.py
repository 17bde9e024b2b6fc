"""How a culture's model is made: from survey figures to a LoRA adapter for llama.cpp. Knows no screen and no chat."""
