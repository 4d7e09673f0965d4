/** The files of a checkpoint that a gateway reads: the least that an idefics3 model says, and its template. */
export const SMALL_FILES = {
  'config.json': {
    model_type: 'idefics3',
    text_config: { hidden_size: 64, num_attention_heads: 4, vocab_size: 100 },
    vision_config: { image_size: 64, patch_size: 8 },
  },
  'preprocessor_config.json': { size: { longest_edge: 256 }, max_image_size: { longest_edge: 64 } },
  'tokenizer_config.json': {
    chat_template:
      "{% for m in messages %}{{ m.role }}: {% for c in m.content %}{% if c.type == 'image' %}<image>{% else %}{{ c.text }}{% endif %}{% endfor %}|{% endfor %}",
  },
} as const;
